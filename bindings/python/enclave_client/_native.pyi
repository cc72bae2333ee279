# Made by cffi when the package is built: what lib holds is native/cdef.h.
from typing import Any

ffi: Any
lib: Any
