import pytest
import torch

from bench.learning.online.kernel_pca import Spectrum


def test_a_spectrum_places_what_looks_alike_together_and_new_images_too():
    draw = torch.Generator().manual_seed(0)
    centres = 3 * torch.randn(4, 10, generator=draw)
    images = centres.repeat_interleave(20, 0) + 0.3 * torch.randn(80, 10, generator=draw)
    places = Spectrum(images[::2], 3)
    known, new = places(images[::2]), places(images[1::2])
    kind = torch.arange(4).repeat_interleave(10)
    apart = torch.cdist(new, known)
    assert (kind[apart.argmin(1)] == kind).all()
    assert known.square().sum(1).mean().item() == pytest.approx(1, rel=1e-3)


def test_a_spectrum_needs_more_images_than_directions():
    with pytest.raises(ValueError, match="5 candidates cannot give 5"):
        Spectrum(torch.randn(5, 3), 5)
