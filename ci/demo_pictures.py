"""A picture of a page as the three models want it, and what they say of it, in a line for a person."""
import numpy as np
from PIL import Image


def load(path):
    return np.asarray(Image.open(path).convert("L"), np.float64)


def box_mean(image, radius):
    """Mean over a square around each pixel, edges repeated."""
    size = 2 * radius + 1
    sums = np.pad(np.pad(image, radius, mode="edge").cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    return (sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]) / size**2


def text_lines(page):
    """Row ranges of lines: runs of rows where enough pixels are darker than their surroundings (the page is lit unevenly)."""
    ink = (page < box_mean(page, 12) - 18).sum(axis=1)
    lines, start = [], None
    for row, full in enumerate([*(ink > page.shape[1] * 0.03), False]):
        if full and start is None:
            start = row
        elif not full and start is not None:
            if 8 <= row - start <= 40:
                lines.append((max(start - 2, 0), row + 2))
            start = None
    return lines


def resized(image, width, height):
    """Three equal channels, (v / 255 - 0.5) / 0.5."""
    grey = np.asarray(image.resize((width, height), Image.BILINEAR), np.float32)
    return np.broadcast_to((grey / 255 - 0.5) / 0.5, (3, height, width))


def line_images(page):
    return [Image.fromarray(page[first:last].astype(np.uint8)) for first, last in text_lines(page)]


def batch(images, widest):
    """3 x 48 x widest, the rest of a short line zero."""
    samples = np.zeros((len(images), 3, 48, widest), np.float32)
    for sample, image in zip(samples, images):
        width = min(widest, -(-48 * image.width // image.height))
        sample[:, :, :width] = resized(image, width, 48)
    return samples


def for_detector(page):
    """The shorter side 736, both multiples of 32."""
    scale = 736 / min(page.shape)
    height, width = (round(side * scale / 32) * 32 for side in page.shape)
    return resized(Image.fromarray(page.astype(np.uint8)), width, height)[None].copy()


def for_recogniser(page):
    images = line_images(page)
    return batch(images, max(-(-48 * i.width // i.height) for i in images))


def for_classifier(page):
    """Each line as it is, and upside down."""
    images = line_images(page)
    return batch([*images, *(i.rotate(180) for i in images)], 192)


def detector_says(output, _):
    rows = (output[0, 0] > 0.3).any(axis=1)
    return f"{int(rows.mean() * 100)} % of the rows have text, in {int((np.diff(rows.astype(int)) == 1).sum() + rows[0])} stretches"


def recogniser_says(output, properties):
    characters = ["", *properties["character"].split("\n"), " "]
    best = output.argmax(axis=2)
    best[:, 1:][best[:, 1:] == best[:, :-1]] = 0
    lines = ["".join(characters[i] for i in line if i < len(characters)) for line in best]
    return f"{len(lines)} lines, the first {lines[0]!r}"


def classifier_says(output, _):
    turned = output.argmax(axis=1)
    half = len(turned) // 2
    return f"direction recognised in {int((turned[:half] == 0).sum() + (turned[half:] == 1).sum())} of {len(turned)} lines, half of them upside down"
