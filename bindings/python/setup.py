"""What pyproject.toml cannot say: the extension module, and an sdist that takes
the C sources along."""

import pathlib
import shutil

from setuptools import setup
from setuptools.command.sdist import sdist

HERE = pathlib.Path(__file__).resolve().parent
C_FOLDERS = ("include", "lib", "cache", "poller")


class SdistWithSources(sdist):
    """Puts the library's sources into ./c of the sdist."""

    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        top = HERE / "c" if (HERE / "c").is_dir() else HERE.parent.parent
        for folder in C_FOLDERS:
            for path in sorted((top / folder).rglob("*.[ch]")):
                target = pathlib.Path(base_dir, "c", path.relative_to(top))
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


setup(
    cffi_modules=["build_native.py:ffibuilder"],
    cmdclass={"sdist": SdistWithSources},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
