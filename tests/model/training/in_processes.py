"""`python in_processes.py PROCESSES FOLDER`: trains a small network; the first process saves it."""

import sys
from pathlib import Path

import torch

sys.path[:0] = [str(Path(__file__).parents[3]), str(Path(__file__).parent)]

from test_fit import QUICK, examples, network  # noqa: E402

from model.network.image_encoder import ImageEncoder  # noqa: E402
from model.network.lightning_module import Learner  # noqa: E402
from model.training.fit import fit  # noqa: E402
from model.training.settings import Fit  # noqa: E402


class Plain(Learner):
    """Steps along the gradient: Adam would blow differences of rounding up where it is near 0."""

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """No momentum."""
        return torch.optim.SGD((p for p in self.parameters() if p.requires_grad), 1e-3)


class Small(torch.nn.Module):
    """Sees, and normalises over the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(3, 6, 3, 2, bias=False), torch.nn.BatchNorm2d(6), torch.nn.ReLU()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Mean of each of six channels."""
        return self.layers(x).mean((2, 3))


def main(processes: int, folder: Path) -> None:
    """Both stages, in batches that do not divide evenly."""
    net = network()
    net.encoder = ImageEncoder(Small(), 6, 3)
    learner = Plain(net)
    settings = Fit(**{**vars(QUICK), "devices": processes, "artworks": 5, "decisions": 499})
    fit(learner, examples(), examples(800, 1), settings, folder / "run", seed=1)
    if not learner.global_rank:
        torch.save(learner.state_dict(), folder / "weights.pt")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(int(sys.argv[1]), Path(sys.argv[2]))
