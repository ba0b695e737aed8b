"""An image with Debian's systemd, sshd and cloud-init, built once by `pileus image build` and kept in .cache."""
import hashlib
import os
import shutil
import subprocess

import pytest
from conftest import PILEUS, REGION, ROOT

RECIPE = hashlib.sha256((ROOT / "src/cli/image_build.c").read_bytes()).hexdigest()[:12]
ARCHIVE = ROOT / f".cache/images/debian-{RECIPE}.tar"
MIRROR = "http://deb.debian.org/debian"


def outside(*command, **options):
    """The tests' own network has no way out; that of who started them may have."""
    return subprocess.run(["nsenter", f"--net=/proc/{os.getppid()}/ns/net", *command], **options)


def build(cloud, directory):
    """Runs the build with a mmdebstrap that reaches the mirror; gives the image's id."""
    if not shutil.which("mmdebstrap"):
        pytest.skip("needs mmdebstrap (./dev deps installs it)")
    if outside("curl", "-sf", "--max-time", "20", "-o", "/dev/null", f"{MIRROR}/dists/bookworm/InRelease").returncode:
        pytest.skip(f"needs {MIRROR}, or what was built before in {ARCHIVE.relative_to(ROOT)}")
    wrapper = directory / "mmdebstrap"
    wrapper.write_text(f'#!/bin/sh\nexec nsenter --net=/proc/{os.getppid()}/ns/net {shutil.which("mmdebstrap")} "$@"\n')
    wrapper.chmod(0o755)
    ARCHIVE.parent.mkdir(parents=True, exist_ok=True)
    part = ARCHIVE.with_suffix(f".{os.getpid()}")
    built = subprocess.run([PILEUS, "image", "build", "debian", "--include", "cloud-init", "--mirror", MIRROR, "--archive", part,
                            "--region", REGION], env={**cloud.env, "PATH": f"{directory}:{os.environ['PATH']}"},
                           text=True, stdout=subprocess.PIPE, timeout=900, check=True)
    for old in ARCHIVE.parent.glob("debian-*.tar"):
        old.unlink()
    part.rename(ARCHIVE)
    return built.stdout.strip()


@pytest.fixture(scope="module")
def debian(cloud, tmp_path_factory):
    """The image's id."""
    if not ARCHIVE.exists():
        return build(cloud, tmp_path_factory.mktemp("build"))
    return cloud.pileus("image", "import", str(ARCHIVE), "--name", "debian-bookworm", "--region", REGION).stdout.strip()
