# Spack recipe: spack repo create my-repo; copy this file to my-repo/packages/tame/package.py;
# spack repo add my-repo; spack dev-build tame@main in a clone, or spack install tame@main with `git` set.
from spack.package import *


class Tame(CMakePackage):
    """Trains recurrent neural networks on MPI clusters, with the same bits on any layout."""

    version("main", branch="main")

    variant("plot", default=True, description="What `tame plot` needs")
    variant("shared", default=False, description="Build libtame as a shared library")

    depends_on("c", type="build")
    depends_on("cmake@3.18:", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("mpi")
    depends_on("hdf5@1.10:+mpi")
    depends_on("libyaml")
    depends_on("sleef@3.5:")
    depends_on("openblas")
    depends_on("netlib-scalapack")
    depends_on("random123")
    depends_on("cmocka", type="test")
    with when("+plot"):
        depends_on("python@3.8:", type="run")
        depends_on("py-h5py", type="run")
        depends_on("py-matplotlib", type="run")

    def cmake_args(self):
        return [
            self.define("TAME_TESTS", self.run_tests),
            self.define_from_variant("BUILD_SHARED_LIBS", "shared"),
        ]
