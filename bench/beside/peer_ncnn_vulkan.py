"""ncnn on a Vulkan device, f32. A call uploads x and downloads y: its Python interface has no other."""
import peer_ncnn


class Peer(peer_ncnn.Peer):
    vulkan = True
