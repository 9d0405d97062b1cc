#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Makes Goldens/: small pictures of every format and mode, and what Pillow 13.0.0 makes of them.

    pip install Pillow==13.0.0 pillow-heif && python3 make_goldens.py

goldens.txt has a line for each result: picture, kind of result, width, height, Pillow's mode, how
far a byte may be off (0, but for lossy formats, where another version of the codec decodes a little
differently), and where in expected.bin its RGB bytes begin.
"""
import os
import struct
import zlib

import PIL
import pillow_heif
from PIL import Image, ImageOps

assert PIL.__version__ == "13.0.0", PIL.__version__
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "Goldens")
W, H = 41, 29
LISTED = []
EXPECTED = bytearray()


def noise(x, y, salt):
    z = (x * 2654435761 + y * 40503 + salt * 97 + 12345) & 0xFFFFFFFF
    z ^= z >> 13
    z = (z * 1274126177) & 0xFFFFFFFF
    return (z ^ (z >> 16)) & 0xFFFFFFFF


def samples(bands, salt=0, rough=True):
    """Ramps with noise on them, so that a wrong tap or a swapped channel shows."""
    out = bytearray()
    for y in range(H):
        for x in range(W):
            for b in range(bands):
                ramp = (x * (3 + b) + y * (5 - b)) % 256 if rough else 40 * b + 2 * x + 2 * y
                out.append((ramp + noise(x, y, salt + b) % (64 if rough else 3)) % 256)
    return bytes(out)


def image(mode, rough=True):
    if mode == "1":
        return image("L").point(lambda v: 255 if v > 127 else 0).convert("1")
    if mode == "P":
        return image("RGB").quantize(37)
    if mode == "I;16":
        return Image.frombytes("I;16", (W, H), samples(2))
    bands = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    return Image.frombytes(mode, (W, H), samples(bands, rough=rough))


def record(name, kind, result, mode, tolerance=0):
    LISTED.append(
        f"{name} {kind} {result.width} {result.height} {mode} {tolerance} {len(EXPECTED)}")
    EXPECTED.extend(result.tobytes())


def listed(name, tolerance=0):
    path = os.path.join(HERE, name)
    with Image.open(path) as im:
        record(name, "plain", im.convert("RGB"), im.mode, tolerance)
    with Image.open(path) as im:
        record(name, "stretch", im.resize((29, 17)).convert("RGB"), im.mode, tolerance)


def save(im, name, tolerance=0, **options):
    im.save(os.path.join(HERE, name), **options)
    listed(name, tolerance)


def write(name, data, tolerance=0):
    with open(os.path.join(HERE, name), "wb") as f:
        f.write(data)
    listed(name, tolerance)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(depth, color, bits_per_pixel, extra=b""):
    """A PNG that Pillow cannot write itself."""
    row = (W * bits_per_pixel + 7) // 8
    body = samples(4) * 4
    rows = b"".join(b"\0" + body[y * row:(y + 1) * row] for y in range(H))
    header = struct.pack(">IIBBBBB", W, H, depth, color, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra
            + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def interlaced():
    """An RGB PNG in the seven passes of Adam7."""
    body = samples(3, salt=9)
    out = b""
    for x0, y0, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4),
                           (1, 0, 2, 2), (0, 1, 1, 2)):
        for y in range(y0, H, dy):
            out += b"\0" + b"".join(body[(y * W + x) * 3:(y * W + x) * 3 + 3]
                                    for x in range(x0, W, dx))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", W, H, 8, 2, 0, 0, 1))
            + chunk(b"IDAT", zlib.compress(out, 9)) + chunk(b"IEND", b""))


def bmp(bits, compression, data, palette=b"", masks=b"", header=40, height=H):
    size = 14 + header + (len(masks) if header == 40 else 0) + len(palette)
    head = struct.pack("<IiiHHIIiiII", header, W, height, 1, bits, compression, len(data), 0, 0,
                       len(palette) // 4, 0)
    head += masks if header == 40 else masks.ljust(header - 40, b"\0")
    return struct.pack("<2sIHHI", b"BM", size + len(data), 0, 0, size) + head + palette + data


def rows(bits):
    stride = (W * bits + 31) // 32 * 4
    body = samples(4, salt=7) * 2
    return body[:stride * H]


def palette(colors):
    return b"".join(bytes([(i * 37) % 256, (i * 91 + 40) % 256, (255 - i * 13) % 256, 0])
                    for i in range(colors))


def runs(four):
    """A run-length coded bitmap with runs, literals, a jump and short lines."""
    out = bytearray()
    for y in range(H):
        left = W
        if y == 5:
            out += bytes([0, 2, 9, 0])
            left -= 9
        while left > 0:
            n = min(left, 3 + noise(left, y, 1) % 11)
            if y == 7 and left < 20:
                break
            if noise(left, y, 2) % 2 or n < 3:
                out += bytes([n, noise(left, y, 3) % 256])
            else:
                body = bytes(noise(left, y, 4 + i) % 256 for i in range((n + 1) // 2 if four else n))
                out += bytes([0, n]) + body + b"\0" * (len(body) % 2)
            left -= n
        out += bytes([0, 0])
    return bytes(out + bytes([0, 1]))


def gif(palettes, frame=None, transparent=None, interlaced=False):
    """The first frame of a saved GIF with its header rewritten."""
    indexed = Image.frombytes("P", (W, H), bytes(v % 16 for v in samples(1)))
    indexed.putpalette(palettes)
    path = os.path.join(HERE, "scratch.gif")
    indexed.save(path, interlace=interlaced, optimize=False, transparency=transparent)
    data = bytearray(open(path, "rb").read())
    os.remove(path)
    if frame:
        left, top, width, height = frame
        struct.pack_into("<HH", data, 6, width, height)
        at = data.index(b"," + struct.pack("<HHHH", 0, 0, W, H))
        struct.pack_into("<HH", data, at + 1, left, top)
    return bytes(data)


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def fits():
    """crop and pad, against ImageOps."""
    for width, height in ((48, 16), (16, 40), (31, 31)):
        for name in ("rgb.png", "rgba.png", "palette.png"):
            with Image.open(os.path.join(HERE, name)) as im:
                mode = im.mode
                crop = ImageOps.fit(im, (width, height), Image.Resampling.BICUBIC).convert("RGB")
                inner = ImageOps.contain(im, (width, height), Image.Resampling.BICUBIC)
            pad = Image.new("RGB", (width, height))
            pad.paste(inner.convert("RGB"), (round((width - inner.width) * 0.5),
                                             round((height - inner.height) * 0.5)))
            record(name, "crop", crop, mode)
            record(name, "pad", pad, mode)


def main():
    os.makedirs(HERE, exist_ok=True)
    for old in os.listdir(HERE):
        os.remove(os.path.join(HERE, old))

    save(image("RGB"), "rgb.png")
    save(image("RGBA"), "rgba.png")
    save(image("L"), "gray.png")
    save(image("LA"), "gray-alpha.png")
    save(image("1"), "bilevel.png")
    save(image("P"), "palette.png")
    save(image("P"), "palette-transparent.png", transparency=5)
    save(image("RGB"), "rgb-keyed.png", transparency=image("RGB").getpixel((3, 3)))
    save(image("L"), "gray-keyed.png", transparency=image("L").getpixel((3, 3)))
    save(image("I;16"), "gray16.png")
    write("gray2.png", png(2, 0, 2))
    write("gray4.png", png(4, 0, 4))
    write("rgb16.png", png(16, 2, 48))
    write("gray-alpha16.png", png(16, 4, 32))
    write("rgba16.png", png(16, 6, 64))
    plte = chunk(b"PLTE", bytes((i * 31) % 256 for i in range(12)))
    write("palette2.png", png(2, 3, 2, plte))
    grays = chunk(b"PLTE", bytes(i * 17 for i in range(16) for _ in range(3)))
    write("palette-of-grays.png", png(4, 3, 4, grays))

    write("interlaced.png", interlaced())

    save(image("RGB", False), "rgb.jpg", 2, quality=92)
    save(image("RGB", False), "rgb-444-progressive.jpg", 2, quality=92, subsampling=0,
         progressive=True)
    save(image("L", False), "gray.jpg", 2, quality=92)
    save(image("CMYK", False), "cmyk.jpg", 3, quality=92)

    save(image("RGB"), "lossless.webp", lossless=True)
    save(image("RGBA"), "lossless-alpha.webp", lossless=True, exact=True)
    save(image("RGB", False), "lossy.webp", 3, quality=90)
    save(image("RGB"), "animated.webp", save_all=True, append_images=[image("RGB", False)],
         lossless=True)
    # Too large for its result to be listed; the tests know that it is all of one colour.
    Image.new("RGB", (7000, 6000), (12, 34, 56)).save(
        os.path.join(HERE, "large.webp"), lossless=True)
    save(image("RGB", False), "lossy.avif", 3, quality=95, subsampling="4:4:4")
    save(image("RGBA", False), "lossy-alpha.avif", 3, quality=95, subsampling="4:4:4")
    pillow_heif.register_heif_opener()
    save(image("RGB", False), "lossy.heic", 3, quality=95, chroma=444)

    colors = [v for i in range(16) for v in palette(16)[i * 4:i * 4 + 3]]
    write("palette.gif", gif(colors))
    write("interlaced.gif", gif(colors, interlaced=True))
    write("transparent.gif", gif(colors, transparent=3))
    write("offset-frame.gif", gif(colors, frame=(4, 6, W + 9, H + 8)))
    write("offset-transparent.gif", gif(colors, frame=(4, 6, W + 9, H + 8), transparent=3))
    save(image("L"), "gray.gif")
    save(image("P"), "animated.gif", save_all=True, append_images=[image("P").rotate(180)])

    save(image("RGB"), "rgb24.bmp")
    save(image("RGBA"), "rgba32.bmp")
    save(image("L"), "gray8.bmp")
    save(image("1"), "bilevel.bmp")
    save(image("P"), "palette8.bmp")
    write("palette1.bmp", bmp(1, 0, rows(1), palette(2)))
    write("palette4.bmp", bmp(4, 0, rows(4), palette(16)))
    write("top-down.bmp", bmp(8, 0, rows(8), palette(256), height=-H))
    write("rle8.bmp", bmp(8, 1, runs(False), palette(256)))
    write("rle4.bmp", bmp(4, 2, runs(True), palette(16)))
    write("rgb555.bmp", bmp(16, 0, rows(16)))
    write("rgb565.bmp", bmp(16, 3, rows(16), masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F)))
    write("rgbx32.bmp", bmp(32, 0, rows(32)))
    write("rgba32-v4.bmp", bmp(32, 3, rows(32), header=108,
                               masks=struct.pack("<IIII", 0xFF, 0xFF00, 0xFF0000, 0xFF000000)))
    core = struct.pack("<IHHHH", 12, W, H, 1, 24)
    write("core24.bmp", struct.pack("<2sIHHI", b"BM", 26 + len(rows(24)), 0, 0, 26) + core
          + rows(24))

    save(image("RGB"), "rgb.tiff", compression="tiff_lzw")
    save(image("RGBA"), "rgba.tiff", compression="tiff_adobe_deflate")
    save(image("L"), "gray.tiff", compression="raw")
    save(image("LA"), "gray-alpha.tiff", compression="tiff_lzw")
    save(image("1"), "bilevel.tiff", compression="group4")
    save(image("P"), "palette.tiff", compression="tiff_lzw")
    save(image("CMYK"), "cmyk.tiff", compression="tiff_lzw")
    save(image("I;16"), "gray16.tiff", compression="tiff_lzw")
    inverted = image("L")
    save(inverted, "white-is-zero.tiff", compression="raw", tiffinfo={262: 0})

    fits()
    for orientation in range(1, 9):
        source = image("RGB", False).crop((0, 0, 24, 16))
        for suffix, options in (("png", {}), ("jpg", {"quality": 95}), ("tiff", {}),
                                ("webp", {"lossless": True})):
            name = f"orientation{orientation}.{suffix}"
            path = os.path.join(HERE, name)
            source.save(path, exif=exif(orientation), **options)
            if orientation not in (3, 6) and suffix != "png":
                os.remove(path)
                continue
            tolerance = 2 if suffix == "jpg" else 0
            with Image.open(path) as im:
                record(name, "ignored", im.convert("RGB"), im.mode, tolerance)
            with Image.open(path) as im:
                upright = ImageOps.exif_transpose(im).convert("RGB")
                record(name, "honoured", upright, im.mode, tolerance)

    with open(os.path.join(HERE, "expected.bin"), "wb") as f:
        f.write(EXPECTED)
    with open(os.path.join(HERE, "goldens.txt"), "w") as f:
        f.write("\n".join(LISTED) + "\n")
    total = sum(os.path.getsize(os.path.join(HERE, n)) for n in os.listdir(HERE))
    print(f"{len(LISTED)} results, {total} bytes")


if __name__ == "__main__":
    main()
