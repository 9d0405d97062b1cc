# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Uses the page of a server as a person would, in Chromium, and says what was seen as one JSON object.

usage: page.py URL PICTURE... [--key KEY] [--only NAME]... [--folder FOLDER]

What does not go as it should ends the program with an error. With --folder, the program only takes
pictures of the page for the documentation, and leaves them there.
"""

import argparse
import base64
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("pictures", type=Path, nargs="+")
parser.add_argument("--key")
parser.add_argument("--only", action="append")
parser.add_argument("--folder", type=Path)
arguments = parser.parse_args()
photograph = arguments.pictures[0]

# Small enough to be quick, and enough steps to be caught while it is made.
quick = {"width": "96", "height": "64", "num_inference_steps": "4"}
slow = {"width": "256", "height": "192", "num_inference_steps": "1000"}


class Visit:
    """A window of the browser that has the page open."""

    def __init__(self, browser, *, scheme="light", width=1280, height=900, motion="no-preference", at=""):
        self.context = browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": height}, reduced_motion=motion
        )
        self.faults = []
        self.hosts = set()
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self.heard)
        self.page.on("request", self.asked)
        self.page.goto(arguments.url + "/" + at)
        if arguments.key:
            self.use_key(arguments.key)
        expect(self.page.locator(".operation").first).to_be_visible()
        expect(self.page.locator("#settings-fields .field").first).to_be_attached()

    def asked(self, request):
        if not request.url.startswith("blob:"):
            self.hosts.add(request.url.split("/")[2])

    def heard(self, message):
        # Answers that say no are part of what is tested; the browser logs each of them.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.faults.append(message.text)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            host = arguments.url.split("/")[2]
            assert self.hosts == {host}, f"the page asked {self.hosts}"
            assert not self.faults, f"the page complained: {self.faults}"
        self.context.close()

    def use_key(self, key):
        if not self.page.locator("#key").is_visible():
            self.page.locator("#access summary").click()
        self.page.locator("#key").fill(key)
        self.page.get_by_role("button", name="Use it").click()

    def settings(self, values):
        if not self.page.locator("#settings-fields").is_visible():
            self.page.locator("#settings > summary").click()
        for name, value in values.items():
            control = self.page.locator(f'#settings-fields [name="{name}"]')
            if control.evaluate("element => element.tagName") == "SELECT":
                control.select_option(value)
            else:
                control.fill(value)

    def drop(self, picture=None):
        """Drops a file on the page, as a drag from a folder does."""
        picture = picture or photograph
        transfer = self.page.evaluate_handle(
            """([text, name]) => {
              const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
              const transfer = new DataTransfer();
              transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
              return transfer;
            }""",
            [base64.b64encode(picture.read_bytes()).decode(), picture.name],
        )
        for event in ("dragover", "drop"):
            self.page.dispatch_event("#drop", event, {"dataTransfer": transfer})
        expect(self.page.locator("#picture-name")).to_contain_text(picture.name)

    def make(self):
        """Presses the button; gives the id of the job."""
        before = self.page.evaluate("location.hash")
        self.page.get_by_role("button", name="Make the clip").click()
        self.page.wait_for_function("before => location.hash !== before", arg=before)
        return self.page.evaluate("location.hash").removeprefix("#job-")

    def card(self, job):
        return self.page.locator(f'.card[data-job="{job}"]')

    def expect_state(self, job, state):
        expect(self.card(job)).to_have_attribute("data-state", state, timeout=30_000)

    def video(self, place="#screen video"):
        """Waits until a video plays; gives what the browser knows of it."""
        self.page.wait_for_function(
            "place => document.querySelector(place)?.readyState >= 3 && document.querySelector(place).currentTime > 0",
            arg=place,
        )
        return self.page.evaluate(
            """place => {
              const video = document.querySelector(place);
              return { width: video.videoWidth, height: video.videoHeight, seconds: video.duration,
                muted: video.muted, loops: video.loop, controls: video.controls };
            }""",
            place,
        )


def complaints(page):
    """What axe has against the page as it is."""
    return [
        f"{violation['id']}: {node['target']}"
        for violation in Axe().run(page).response["violations"]
        for node in violation["nodes"]
    ]


def makes_a_clip(browser):
    """Drop a picture, watch, play; find it again after a reload; run, compare, download and delete it."""
    with Visit(browser) as visit:
        page = visit.page
        visit.drop()
        visit.settings(quick)
        # Says what the progress bar and the live region went through.
        page.evaluate(
            """() => {
              window.seen = { stages: new Set(), told: new Set(), values: [] };
              new MutationObserver(() => {
                const bar = document.querySelector("#screen progress");
                if (bar?.hasAttribute("value")) seen.values.push(bar.value);
                const stage = document.querySelector("#screen .stage")?.textContent;
                if (stage) seen.stages.add(stage.replace(/:.*/, ""));
                seen.told.add(document.getElementById("announcer").textContent);
                if (document.querySelector("#screen .preview")?.src) seen.pictured = true;
              }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
            }"""
        )
        job = visit.make()
        visit.expect_state(job, "succeeded")
        clip = visit.video()
        assert (clip["width"], clip["height"]) == (96, 64), clip
        assert clip["muted"] and clip["loops"] and clip["controls"], clip
        seen = page.evaluate(
            "({ stages: [...seen.stages], told: [...seen.told], values: seen.values, pictured: seen.pictured })"
        )
        assert seen["values"] == sorted(seen["values"]), seen
        assert "The clip is done." in seen["told"], seen
        assert "Making the clip" in seen["stages"], seen
        facts = page.locator(".facts").inner_text()
        assert "96 × 64" in facts and "seed" in facts, facts
        card_words = visit.card(job).locator(".card-words").inner_text()

        page.reload()
        visit.expect_state(job, "succeeded")
        assert visit.card(job).locator(".card-words").inner_text() == card_words
        visit.video()
        page.wait_for_function("job => document.querySelector(`[data-job='${job}'] img`).naturalWidth > 0", arg=job)

        with page.expect_download() as download:
            visit.card(job).locator("[data-action=save]").click()
        first = Path(download.value.path()).read_bytes()
        assert first[4:8] == b"ftyp", first[:16]

        visit.card(job).locator("[data-action=again]").click()
        page.wait_for_function("job => !location.hash.includes(job)", arg=job)
        again = page.evaluate("location.hash").removeprefix("#job-")
        visit.expect_state(again, "succeeded")
        with page.expect_download() as download:
            page.locator("#screen [data-action=save]").click()
        assert Path(download.value.path()).read_bytes() == first, "the same job made another clip"

        expect(page.get_by_role("button", name="Compare", exact=True)).to_be_disabled()
        for one in (job, again):
            visit.card(one).get_by_role("checkbox").check()
        page.get_by_role("button", name="Compare", exact=True).click()
        visit.video("#comparison-clips figure:nth-child(2) video")
        assert page.locator("#comparison-clips video").count() == 2
        assert page.locator("#comparison-rows .differs").count() == 0
        expect(page.locator("#comparison-rows")).to_contain_text("num_inference_steps")
        assert complaints(page) == []
        page.keyboard.press("Escape")
        expect(page.locator("#comparison")).to_be_hidden()

        visit.card(job).locator("[data-action=edit]").click()
        expect(page.locator("#picture-name")).to_contain_text("picture.")
        expect(page.locator('#settings-fields [name="seed"]')).to_have_value(re.compile(r"^\d+$"))
        expect(page.locator('#settings-fields [name="num_inference_steps"]')).to_have_value("4")

        page.on("dialog", lambda dialog: dialog.accept())
        for one in (job, again):
            visit.card(one).locator("[data-action=remove]").click()
            expect(visit.card(one)).to_have_count(0)
        page.reload()
        expect(page.locator(".operation").first).to_be_visible()
        expect(page.locator(f'.card[data-job="{job}"]')).to_have_count(0)
        return {"clip": clip, "values": len(seen["values"]), "pictured": bool(seen.get("pictured"))}


def makes_several(browser):
    """Two clips of one picture, with one press of the button."""
    with Visit(browser) as visit:
        page = visit.page
        visit.drop()
        visit.settings(quick | {"seed": "41"})
        page.get_by_text("Two", exact=True).click()
        first = visit.make()
        visit.expect_state(first, "succeeded")
        second = page.locator(f'.card:not([data-job="{first}"])').first.get_attribute("data-job")
        visit.expect_state(second, "succeeded")
        for job, seed in ((first, 41), (second, 42)):
            expect(visit.card(job).locator(".card-words")).to_contain_text(f"seed\u00a0{seed}")
        visit.video()
        page.on("dialog", lambda dialog: dialog.accept())
        for job in (first, second):
            visit.card(job).locator("[data-action=remove]").click()
            expect(visit.card(job)).to_have_count(0)
        return {}


def cancels(browser):
    """A clip that takes long is cancelled; one that waits behind it says so; a reload goes on watching."""
    with Visit(browser) as visit:
        page = visit.page
        visit.drop()
        visit.settings(slow)
        first = visit.make()
        visit.expect_state(first, "running")
        preview = page.get_by_alt_text("Preview of the clip as it forms")
        expect(preview).to_be_visible(timeout=60_000)
        assert preview.evaluate("image => Math.max(image.naturalWidth, image.naturalHeight)") == 256
        second = visit.make()
        expect(page.locator("#screen .stage")).to_have_text("Next in line")
        expect(visit.card(second)).to_have_attribute("data-state", "queued")
        page.locator("#screen [data-action=cancel]").click()
        visit.expect_state(second, "cancelled")
        visit.card(first).locator(".card-open").click()
        expect(page.locator("#screen progress")).to_be_visible()
        page.reload()
        expect(page.locator("#screen progress")).to_be_visible()
        assert complaints(page) == []
        page.locator("#screen [data-action=cancel]").click()
        visit.expect_state(first, "cancelled")
        expect(page.locator("#screen")).to_contain_text("Cancelled.")
        expect(page.locator("#announcer")).to_have_text("Cancelled.")
        return {}


def shows_errors(browser):
    """What the server refuses is said beside the field, in words that a screen reader finds."""
    with Visit(browser) as visit:
        page = visit.page
        button = page.get_by_role("button", name="Make the clip")
        button.click()
        expect(page.locator("#picture-problem")).to_have_text("Choose a picture first.")
        visit.drop()
        visit.settings(quick | {"fps": "99", "width": "96"})
        page.locator("#settings > summary").click()
        button.click()
        field = page.locator('#settings-fields [name="fps"]')
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_be_focused()
        expect(field).to_have_accessible_description(re.compile("fps must be from 1 to 30, not 99"))
        assert page.locator("#settings-fields .problem:visible").count() == 1
        field.fill("7")
        assert page.locator("#settings-fields .problem:visible").count() == 0
        # A picture that is none: refused at once, or when it is read.
        with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
            file.write(b"no picture at all")
            file.flush()
            visit.drop(Path(file.name))
        button.click()
        expect(page.locator("#picture-problem:visible, #screen .problem")).to_contain_text(
            "picture that can be read", timeout=20_000
        )
        return {}


def executes(browser):
    """Service APIs, generate, Execute; and the lines for curl and Python do what they say."""
    with Visit(browser) as visit:
        page = visit.page
        assert page.get_by_role("heading", name="Service APIs").is_visible()
        operation = page.locator(".operation", has=page.locator("summary", has_text=re.compile(r"POST\s*/generate\s")))
        operation.locator("summary").click()
        operation.locator('[name="image"]').set_input_files(photograph)
        operation.locator('[name="fps"]').fill("99")
        operation.get_by_role("button", name="Execute").click()
        expect(operation.locator('[name="fps"]')).to_have_accessible_description(
            re.compile("fps must be from 1 to 30, not 99")
        )
        expect(operation.get_by_role("status")).to_contain_text("400")
        for name, value in (quick | {"fps": "7", "seed": "18446744073709551615"}).items():
            operation.locator(f'[name="{name}"]').fill(value)
        operation.get_by_role("button", name="Execute").click()
        clip = visit.video(".operation .output video")
        assert (clip["width"], clip["height"]) == (96, 64), clip
        expect(operation.get_by_role("status")).to_contain_text("200")
        with page.expect_download() as download:
            operation.get_by_role("link", name="Save output.mp4").click()
        wanted = Path(download.value.path()).read_bytes()
        texts = operation.locator(".sample code").all_inner_texts()
        for text, program in zip(texts, (["bash", "-c"], [sys.executable, "-c"])):
            with tempfile.TemporaryDirectory() as folder:
                shutil.copy(photograph, folder)
                environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "API_KEY": arguments.key or ""}
                subprocess.run([*program, text], cwd=folder, env=environment, check=True, capture_output=True, timeout=60)
                assert Path(folder, "output.mp4").read_bytes() == wanted, text
        assert arguments.key is None or arguments.key not in page.content()
        health = page.locator(".operation", has_text="/livez")
        health.locator("summary").click()
        health.get_by_role("button", name="Execute").click()
        expect(health.get_by_role("status")).to_contain_text("200")
        return {"clip": clip}


def can_be_used_by_all(browser):
    """axe finds nothing, light and dark, wide and narrow, with everything open; and the keyboard suffices."""
    with Visit(browser) as visit:
        page = visit.page
        visit.drop()
        visit.settings(quick)
        job = visit.make()
        visit.expect_state(job, "succeeded")
    findings = {}
    for scheme, width, height in (("light", 1280, 900), ("dark", 1280, 900), ("light", 390, 844), ("dark", 390, 844)):
        with Visit(browser, scheme=scheme, width=width, height=height, at=f"#job-{job}") as visit:
            page = visit.page
            expect(visit.card(job)).to_be_visible()
            visit.settings({"fps": "99"})
            visit.drop()
            page.get_by_role("button", name="Make the clip").click()
            expect(page.locator('#settings-fields [aria-invalid="true"]')).to_have_count(1)
            visit.video()
            page.locator(".operation > summary").first.click()
            findings[f"{scheme} {width}"] = complaints(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
    assert not any(findings.values()), json.dumps(findings, indent=1)
    # No transition, no playing by itself.
    with Visit(browser, motion="reduce", at=f"#job-{job}") as visit:
        page = visit.page
        page.wait_for_function("() => document.querySelector('#screen video')?.readyState >= 2")
        assert page.evaluate("document.querySelector('#screen video').paused")
        # With nothing but Tab to the button that makes a clip, and seen on the way.
        page.locator("#access > summary").focus()
        reached = []
        while "make" not in reached and len(reached) < 12:
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
            assert page.evaluate("document.activeElement.matches(':focus-visible')"), reached
        assert "picture" in reached and "make" in reached, reached
        page.locator("#motion input:checked").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator('#settings-fields [name="motion_bucket_id"]')).to_have_value("200")
        page.on("dialog", lambda dialog: dialog.accept())
        visit.card(job).locator("[data-action=remove]").press("Enter")
        expect(visit.card(job)).to_have_count(0)
    return {"axe": findings}


def take_pictures(browser):
    """The pictures in docs/images."""
    with Visit(browser) as visit:
        for picture in arguments.pictures:
            visit.drop(picture)
            job = visit.make()
            expect(visit.card(job)).to_have_attribute("data-state", "succeeded", timeout=300_000)
    for name, scheme, width, height in (
        ("page-light", "light", 1280, 960), ("page-dark", "dark", 1280, 960), ("page-phone", "light", 390, 844)
    ):
        with Visit(browser, scheme=scheme, width=width, height=height, at=f"#job-{job}") as visit:
            visit.drop(picture)
            visit.video()
            # The controls that come with a new video fade away.
            time.sleep(4)
            visit.page.screenshot(path=arguments.folder / f"{name}.jpg", quality=82)


tests = [makes_a_clip, makes_several, cancels, shows_errors, executes, can_be_used_by_all]
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(
        executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
        # Its own sandbox cannot be had as root, as which containers run tests.
        args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
    )
    if arguments.folder:
        take_pictures(browser)
        tests = []
    seen = {}
    for test in tests:
        if arguments.only and test.__name__ not in arguments.only:
            continue
        start = time.monotonic()
        seen[test.__name__] = test(browser)
        print(f"{test.__name__}: {time.monotonic() - start:.1f} s", file=sys.stderr)
    browser.close()
print(json.dumps(seen))
