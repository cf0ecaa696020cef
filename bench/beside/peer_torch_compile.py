"""PyTorch, compiled: torch.compile's default mode, shapes fixed. Needs a C++ compiler."""
import peer_torch


class Peer(peer_torch.Peer):
    compiled = True
