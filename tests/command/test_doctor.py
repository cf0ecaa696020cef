"""`exciton doctor` in set-ups that are broken on purpose: each time the report names the cause.

    test_doctor.py BINARY FAKE_ICD [unittest's arguments]
"""
import json
import os
import shutil
import sys
import unittest

import command
from command import Command, main

FAKE = []
MESA = "/usr/share/vulkan/icd.d/lvp_icd.%s.json" % os.uname().machine


class Doctor(Command):
    def setUp(self):
        super().setUp()
        self.home = self.folder / "home"
        (self.home / "run").mkdir(parents=True)
        (self.home / "run").chmod(0o700)
        self.settings = {"XDG_CACHE_HOME": str(self.home), "HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.home / "run"),
                         "OCL_ICD_VENDORS": str(self.folder), "VK_ICD_FILENAMES": "", "VK_DRIVER_FILES": "", "OCL_ICD_FILENAMES": ""}

    def report(self, status, **variables):
        """The report, with a status."""
        settings = {**self.settings, **variables}
        got, out, err = self.call("doctor", "--json", hidden=False, **settings)
        self.assertEqual((got, err), (status, ""), out)
        value = json.loads(out)
        self.assertEqual(list(value)[:3], ["format", "numerics", "version"])
        for finding in value["findings"]:
            self.assertEqual(list(finding), ["severity", "finding", "why", "remedy"])
            self.assertTrue(all(finding.values()), finding)
        self.assertEqual(status, int(any(f["severity"] == "error" for f in value["findings"])))
        self.assertIn("host", [d["driver"] for d in value["devices"]])
        return value

    def found(self, report, severity, *words):
        """A finding of this severity has all the words."""
        for finding in report["findings"]:
            if finding["severity"] == severity and all(w in " ".join(finding.values()) for w in words):
                return finding
        self.fail("%s %s is not in %s" % (severity, words, json.dumps(report["findings"], indent=1)))
        return None

    def fake(self, what):
        path = self.folder / "fake.icd"
        path.write_text(FAKE[0] + "\n")
        return {"EXCITON_FAKE_ICD": what, "OCL_ICD_VENDORS": str(path)}

    def entry(self):
        """An entry of the cache as the library makes it: costs of host."""
        self.done("tune", "--device", "host", "--shape", "1x8x4x4", hidden=True, **self.settings)
        return sorted((self.home / "exciton").glob("*.bin"))[0]

    def test_nothing_wrong(self):
        # the loader takes an empty list of files as none
        report = self.report(0, VK_ICD_FILENAMES="/nonexistent/", VK_DRIVER_FILES="") if not os.path.exists(MESA) else None
        if report is None:
            report = self.report(0, VK_ICD_FILENAMES=MESA, VK_DRIVER_FILES=MESA)
            self.assertIn("lavapipe", [d["driver"] for d in report["devices"]])
        for device in report["devices"]:
            self.assertRegex(device["digest"], "[0-9a-f]{64}")
            self.assertEqual(device["wrong"], 0)
            self.assertTrue(device["tested"] or device["driver"] == "host")
        self.assertEqual(len({d["digest"] for d in report["devices"]}), 1)
        text = self.done("doctor", hidden=False, **{**self.settings, "VK_ICD_FILENAMES": MESA, "VK_DRIVER_FILES": MESA})
        self.assertIn("0 errors", text)

    def test_no_loader(self):
        blocked = self.folder / "blocked"
        blocked.mkdir()
        for name in ("libOpenCL.so.1", "libOpenCL.so", "libvulkan.so.1", "libvulkan.so"):
            (blocked / name).write_bytes(b"\x7fELF, but no library")
        report = self.report(0, LD_LIBRARY_PATH=str(blocked), VK_ICD_FILENAMES="", VK_DRIVER_FILES="")
        self.found(report, "warning", "no OpenCL loader", "libOpenCL.so.1")
        self.found(report, "warning", "no Vulkan loader", "libvulkan.so.1")
        self.assertEqual([x["file"] for x in report["loaders"]], [None, None])

    def test_icd_without_library(self):
        (self.folder / "empty.icd").write_text("\n")
        (self.folder / "gone.icd").write_text("libnowhere.so.7\n")
        manifest = self.folder / "none.json"
        manifest.write_text('{"ICD": {"api_version": "1.3.0"}}')
        report = self.report(1, VK_ICD_FILENAMES=str(manifest), VK_DRIVER_FILES=str(manifest))
        self.found(report, "error", "empty.icd", "names no library")
        self.found(report, "error", "gone.icd", "libnowhere.so.7")
        self.found(report, "error", "none.json", "names no library")

    def test_unwritable_pocl_cache(self):
        (self.folder / "file").write_text("")
        report = self.report(1, OCL_ICD_VENDORS="/etc/OpenCL/vendors/pocl.icd", POCL_CACHE_DIR=str(self.folder / "file" / "below"))
        self.found(report, "error", "PoCL can't write its cache", str(self.folder / "file"), "POCL_CACHE_DIR")

    def test_damaged_cache(self):
        entry = self.entry()
        data = bytearray(entry.read_bytes())
        data[-1] ^= 1
        entry.write_bytes(data)
        report = self.report(0)
        self.found(report, "warning", entry.name, "damaged", "delete")
        self.assertEqual(report["cache"][0]["bad"], 1)

    def test_unreadable_cache(self):
        entry = self.entry()
        entry.unlink()
        entry.mkdir()
        self.found(self.report(1), "error", entry.name, "not readable", "plain file")
        entry.rmdir()
        (self.home / "exciton").chmod(0o755)
        self.found(self.report(1), "error", str(self.home / "exciton"), "0700")
        shutil.rmtree(self.home / "exciton")
        (self.home / "exciton").symlink_to(self.folder)
        self.found(self.report(1), "error", str(self.home / "exciton"), "can't be used")

    def test_layer_that_fails(self):
        manifest = self.folder / "layer.json"
        manifest.write_text(json.dumps({"file_format_version": "1.0.0", "layer": {
            "name": "VK_LAYER_TEST_broken", "type": "GLOBAL", "library_path": "./libbroken.so", "api_version": "1.1.0",
            "implementation_version": "1", "description": "broken"}}))
        report = self.report(1, VK_LAYER_PATH=str(self.folder), VK_INSTANCE_LAYERS="VK_LAYER_TEST_broken:VK_LAYER_TEST_gone",
                             VK_ICD_FILENAMES=MESA, VK_DRIVER_FILES=MESA)
        self.found(report, "error", "VK_LAYER_TEST_broken", "libbroken.so")
        self.found(report, "error", "VK_INSTANCE_LAYERS", "VK_LAYER_TEST_gone")

    def test_no_runtime_folder(self):
        report = self.report(0, XDG_RUNTIME_DIR="", VK_ICD_FILENAMES=MESA, VK_DRIVER_FILES=MESA)
        self.found(report, "warning", "XDG_RUNTIME_DIR", "not set", "0700")

    def test_device_lost_at_opening(self):
        report = self.report(1, **self.fake("open"))
        self.found(report, "error", "Fake device", "opening it failed", "CL_DEVICE_NOT_AVAILABLE")

    def test_crash(self):
        report = self.report(1, **self.fake("crash"))
        self.found(report, "error", "Fake device", "crashed", "signal 6")

    def test_driver_fails_at_enumeration(self):
        report = self.report(1, **self.fake("enumerate"))
        self.found(report, "error", "OpenCL fails while devices are listed", "Fake", "CL_OUT_OF_RESOURCES")

    def test_device_that_is_none(self):
        self.found(self.report(1, EXCITON_DEVICE="nonesuch"), "error", "EXCITON_DEVICE", "nonesuch", "host")


if __name__ == "__main__":
    FAKE.append(os.path.abspath(sys.argv.pop(2)))
    main()
