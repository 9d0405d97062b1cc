# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
#
#   make && sudo make install      PREFIX=/usr/local  DESTDIR=
#   sudo make uninstall
#
# Two builds of one commit, with one toolchain, are the same to the byte.

PREFIX ?= /usr/local
DESTDIR ?=
# A folder of its own: other flags than those of `swift build` would compile everything twice.
SCRATCH ?= .build-static
# Where the programs are, and what is made of them.
PROGRAMS ?= $(SCRATCH)/release
FILES ?= $(SCRATCH)/files

BIN = $(PREFIX)/bin
MAN = $(PREFIX)/share/man/man1
BASH = $(PREFIX)/share/bash-completion/completions
ZSH = $(PREFIX)/share/zsh/site-functions
FISH = $(PREFIX)/share/fish/vendor_completions.d
UNITS = $(PREFIX)/lib/systemd/system
MODEL = $(PREFIX)/share/zoetrope/models/demo

# What the programs say of themselves.
export ZOETROPE_COMMIT ?= $(shell git describe --always --abbrev=40 --dirty=-changed --exclude='*' 2>/dev/null)
# The compiler refuses an empty one, which is what there is where there is no repository.
DAY := $(shell git log -1 --format=%ct 2>/dev/null)
ifneq ($(DAY),)
export SOURCE_DATE_EPOCH ?= $(DAY)
endif
export ZOETROPE_SWIFT ?= $(shell swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p')

.PHONY: all programs files install uninstall

all: programs
	$(MAKE) files

programs:
	for product in zoetrope zoetrope-picture generate-manual; do \
	  swift build -c release --static-swift-stdlib --scratch-path '$(SCRATCH)' --product $$product || exit; \
	done

# The manual and the completions are made of what the program knows of its own arguments.
files:
	mkdir -p '$(FILES)'
	'$(PROGRAMS)/generate-manual' '$(PROGRAMS)/zoetrope' --output-directory '$(FILES)' \
	  --date "$$(date -u -d "@$${SOURCE_DATE_EPOCH:-0}" +%F)"
	sed -i 's/^$$/.Pp/' '$(FILES)/zoetrope.1'
	for shell in bash zsh fish; do \
	  '$(PROGRAMS)/zoetrope' --generate-completion-script $$shell > "$(FILES)/$$shell" || exit; \
	done
	'$(PROGRAMS)/zoetrope' deploy systemd --program '$(BIN)/zoetrope' > '$(FILES)/zoetrope.service'

install:
	install -d '$(DESTDIR)$(BIN)' '$(DESTDIR)$(MAN)' '$(DESTDIR)$(BASH)' '$(DESTDIR)$(ZSH)' \
	  '$(DESTDIR)$(FISH)' '$(DESTDIR)$(UNITS)'
	install -m 755 '$(PROGRAMS)/zoetrope' '$(PROGRAMS)/zoetrope-picture' '$(DESTDIR)$(BIN)'
	install -m 644 '$(FILES)/zoetrope.1' '$(DESTDIR)$(MAN)/zoetrope.1'
	install -m 644 '$(FILES)/bash' '$(DESTDIR)$(BASH)/zoetrope'
	install -m 644 '$(FILES)/zsh' '$(DESTDIR)$(ZSH)/_zoetrope'
	install -m 644 '$(FILES)/fish' '$(DESTDIR)$(FISH)/zoetrope.fish'
	install -m 644 '$(FILES)/zoetrope.service' '$(DESTDIR)$(UNITS)/zoetrope.service'
	find Models/demo -type f -printf '%P\n' | while read -r file; do \
	  install -D -m 644 "Models/demo/$$file" "$(DESTDIR)$(MODEL)/$$file" || exit; \
	done

uninstall:
	rm -f '$(DESTDIR)$(BIN)/zoetrope' '$(DESTDIR)$(BIN)/zoetrope-picture' \
	  '$(DESTDIR)$(MAN)/zoetrope.1' '$(DESTDIR)$(BASH)/zoetrope' '$(DESTDIR)$(ZSH)/_zoetrope' \
	  '$(DESTDIR)$(FISH)/zoetrope.fish' '$(DESTDIR)$(UNITS)/zoetrope.service'
	rm -rf '$(DESTDIR)$(MODEL)'
