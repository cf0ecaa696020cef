"""What bench/peers takes."""
import argparse
import shlex

import figures

# name: the driver that its process sees (ci/with-driver), and what it is compared with (figures.peers_of)
PEERS = {
    "torch": ("host", "cpu"), "torch-compile": ("host", "cpu"), "onnxruntime": ("host", "cpu"), "openvino": ("host", "cpu"), "ncnn": ("host", "cpu"),
    "mnn": ("host", "cpu"), "tinygrad": ("pocl", "cpu"), "clblast": ("pocl", "cpu"), "ncnn-vulkan": ("lavapipe", "hosted"),
}
DEVICES = ("host", "pocl", "intel-cpu", "lavapipe")


def names(known):
    def parse(text):
        chosen = [name for name in text.split(",") if name]
        for name in chosen:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name}: not of {', '.join(known)}")
        return chosen
    return parse


def shape(text):
    try:
        return figures.parse_shape(text)
    except ValueError as failure:
        raise argparse.ArgumentTypeError(str(failure)) from failure


def rounds(text):
    number = int(text)
    if number < figures.LEAST_ROUNDS:
        raise argparse.ArgumentTypeError(f"at least {figures.LEAST_ROUNDS}")
    return number


def parse(description, arguments=None):
    parser = argparse.ArgumentParser(prog="bench/peers", description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", action="append", type=shape, metavar="NxCxHxW[:R]", help="may be repeated; default: the nine of docs/performance.md")
    parser.add_argument("--peers", type=names(PEERS), default=list(PEERS), metavar="A,B", help=f"of {', '.join(PEERS)}; default: all; '': none")
    parser.add_argument("--devices", type=names(DEVICES), default=list(DEVICES), metavar="A,B", help=f"of {', '.join(DEVICES)}; default: all that are here")
    parser.add_argument("--rounds", type=rounds, help="default: as many as --seconds allow, at least 9")
    parser.add_argument("--seconds", type=float, default=12, help="about as long as a shape's rounds take; default 12")
    parser.add_argument("--json", metavar="FILE", help="all times and versions")
    parser.add_argument("--html", metavar="FILE", help="a page with plots that needs nothing else")
    parser.add_argument("--library", metavar="FOLDER", dest="built", help="of a built libexciton.so; default: built in build/bench")
    parser.add_argument("--no-install", action="store_true", help="install nothing: what is missing is left out")
    parser.add_argument("--no-stop", action="store_true", help="who isn't at work isn't stopped: to see what stopping does")
    parser.add_argument("--while-preparing", type=shlex.split, default=[], metavar="COMMAND", help="run what compiles and loads under this command, "
                        "such as 'flock -s FILE': for machines that are shared")
    parser.add_argument("--while-timing", type=shlex.split, default=[], metavar="COMMAND", help="the same for each shape's rounds, such as 'flock FILE'")
    chosen = parser.parse_args(arguments)
    chosen.shape = chosen.shape or [figures.parse_shape(text) for text in figures.NINE]
    return chosen
