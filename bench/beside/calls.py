"""exciton through ctypes: the few structures and calls that a block takes, with x and y in place as NumPy arrays."""
import ctypes as ct

import numpy as np


class Cache(ct.Structure):
    _fields_ = [("directory", ct.c_char_p), ("user", ct.c_void_p), ("get", ct.c_void_p), ("set", ct.c_void_p)]


class ContextParams(ct.Structure):
    _fields_ = [("size", ct.c_size_t), ("log", ct.c_void_p), ("log_user", ct.c_void_p), ("allocator", ct.c_void_p * 3), ("cache", Cache),
                ("host_threads", ct.c_uint32)]


class Layer(ct.Structure):
    _fields_ = [("data", ct.c_void_p), ("bias", ct.c_void_p), ("type", ct.c_int), ("order", ct.c_int)]


class Shape(ct.Structure):
    _fields_ = [("batch", ct.c_uint64), ("dims", ct.c_uint32), ("spatial", ct.c_uint64 * 3)]


class Se(ct.Structure):
    _fields_ = [("size", ct.c_size_t), ("channels", ct.c_uint64), ("hidden", ct.c_uint64), ("fc1", Layer), ("fc2", Layer), ("activation", ct.c_int),
                ("gate", ct.c_int), ("gate_slope", ct.c_float), ("gate_offset", ct.c_float), ("output", ct.c_int), ("then", ct.c_int), ("max", Shape)]


class View(ct.Structure):
    _fields_ = [("buffer", ct.c_void_p), ("offset", ct.c_uint64)]


class Args(ct.Structure):
    _fields_ = [("size", ct.c_size_t), ("in_", View), ("out", View)]


class DeviceInfo(ct.Structure):
    _fields_ = [("name", ct.c_char_p), ("driver", ct.c_char_p), ("version", ct.c_char_p)]


# What `exciton layout` prints of the header's own, so that a test can compare: structures may have grown at their end.
LAYOUT = {"exciton_context_params": ContextParams, "exciton_layer": Layer, "exciton_shape": Shape, "exciton_se": Se, "exciton_args": Args}


def check_layout(header):
    """Lines about what differs from the header, none where all is right."""
    wrong = []
    for name, structure in LAYOUT.items():
        if header[name] < ct.sizeof(structure):
            wrong.append(f"{name}: {header[name]} bytes, here {ct.sizeof(structure)}")
        for member, offset in header.items():
            if member.startswith(name + "."):
                field = {"in": "in_"}.get(member.split(".")[1], member.split(".")[1])
                if getattr(structure, field).offset != offset:
                    wrong.append(f"{member}: at {offset}, here at {getattr(structure, field).offset}")
    return wrong


class Library:
    def __init__(self, path):
        self.lib = ct.CDLL(path)
        self.lib.exciton_last_error.restype = self.lib.exciton_version.restype = ct.c_char_p
        self.submit, self.wait = self.lib.exciton_submit, self.lib.exciton_wait
        self.submit.argtypes = [ct.c_void_p, ct.c_void_p, ct.c_uint32, ct.c_void_p]
        self.wait.argtypes = [ct.c_void_p, ct.c_uint64, ct.c_uint64]

    def call(self, name, *arguments):
        if getattr(self.lib, name)(*arguments):
            raise RuntimeError(self.lib.exciton_last_error().decode())

    def make(self, name, *arguments):
        handle = ct.c_void_p()
        self.call(name, *arguments, ct.byref(handle))
        return handle


class Device:
    def __init__(self, path, selector, threads, cache):
        self.functions = Library(path)
        params = ContextParams(size=ct.sizeof(ContextParams), host_threads=threads, cache=Cache(directory=cache.encode()))
        self.context = self.functions.make("exciton_context_create", ct.byref(params))
        self.device = self.functions.make("exciton_device_open", self.context, selector.encode())
        self.info = DeviceInfo()
        buffer = ct.create_string_buffer(1024) # the structure goes on behind what is read here
        self.functions.call("exciton_device_get_info", self.device, buffer)
        ct.memmove(ct.byref(self.info), buffer, ct.sizeof(self.info))


class Block:
    """A plan and a binding. x and y are arrays that share memory with the buffers where the device has them in the host's
    memory; elsewhere x is copied there once."""

    def __init__(self, device, block):
        self.device, self.functions = device, device.functions
        se = Se(size=ct.sizeof(Se), channels=block.c, hidden=block.r, fc1=Layer(data=block.w1.ctypes.data), fc2=Layer(data=block.w2.ctypes.data),
                max=Shape(block.n, 2, (ct.c_uint64 * 3)(block.h, block.w, 1)))
        self.plan = self.functions.make("exciton_plan_create_se", device.device, ct.byref(se))
        self.shape, self.bytes = block.x.shape, block.x.nbytes
        self.x, self.y = (self.functions.make("exciton_buffer_create", device.device, ct.c_uint64(self.bytes), 0) for _ in "xy")
        self.mapped(self.x, True, lambda array: np.copyto(array, block.x))
        args = Args(size=ct.sizeof(Args), in_=View(self.x), out=View(self.y))
        self.binding = self.functions.make("exciton_binding_create", self.plan, ct.byref(args))
        self.list = (ct.c_void_p * 1)(self.binding)
        self.ticket = ct.c_uint64()
        self.arguments = (device.device, ct.addressof(self.list), 1, ct.addressof(self.ticket))

    def mapped(self, buffer, for_write, use):
        pointer = ct.c_void_p()
        self.functions.call("exciton_buffer_map", buffer, ct.c_bool(for_write), ct.byref(pointer))
        use(np.frombuffer((ct.c_char * self.bytes).from_address(pointer.value), np.float32).reshape(self.shape))
        self.functions.call("exciton_buffer_unmap", buffer)

    def run(self):
        if self.functions.submit(*self.arguments) or self.functions.wait(self.device.device, self.ticket, 60_000_000_000):
            raise RuntimeError(self.functions.lib.exciton_last_error().decode())

    def close(self):
        lib = self.functions.lib
        lib.exciton_binding_destroy(self.binding)
        lib.exciton_plan_destroy(self.plan)
        lib.exciton_buffer_destroy(self.x)
        lib.exciton_buffer_destroy(self.y)
