"""Camera model: exposure, colour, blur, noise and compression, from radiance to pixels."""

import cv2
import numpy as np

from fbn.synthetic.parameters import Camera


def develop(radiance: np.ndarray, camera: Camera) -> np.ndarray:
    """Convert linear radiance [S, S, 3] float32 to an RGB picture [S, S, 3] uint8."""
    side = len(radiance)
    image: np.ndarray = radiance * np.float32(2 ** (0.9 * camera.exposure))
    # soft highlight compression instead of clipping
    image = image / (1 + 0.12 * image * image)
    image = np.sqrt(np.clip(image, 0, 1.3)) * 255
    if camera.gray:
        image = np.repeat((image @ np.array([0.299, 0.587, 0.114], np.float32))[..., None], 3, axis=2)
    if camera.blur:
        image = cv2.GaussianBlur(image, (0, 0), 0.02 * camera.blur * side + 0.05)
    if camera.noise:
        rng = np.random.default_rng(camera.seed)
        shape = image.shape[:2] if camera.gray else image.shape
        grain = rng.standard_normal(shape, np.float32) * np.float32(24 * camera.noise)
        image = image + (grain[..., None] if camera.gray else grain)
    pixels = np.clip(image + 0.5, 0, 255).astype(np.uint8)
    if camera.compression:
        quality = round(92 - 80 * camera.compression)
        pixels = cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    return pixels
