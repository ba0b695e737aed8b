"""Images that are brought along: a small root file system of a shell, made here, as tar and as OCI archive."""
import hashlib
import io
import json
import platform
import re
import subprocess
import tarfile

import pytest
from conftest import PILEUS, REGION, eventually
from machines import IMAGE_PARAMETER, machines

RELEASE = "NAME=Tiny\n"
HELLO = "#!/bin/sh\ncat /etc/os-release\necho programs: /usr/bin/*\ncat /etc/resolv.conf\necho files: /srv/*\n"
PROGRAMS = ["sh", "cat"]


def libraries(program):
    return set(re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", program], text=True, capture_output=True).stdout))


def layer(files, whiteouts=(), compression="gz"):
    """A tar of {name: text}, which may be compressed."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=f"w:{compression}") as tar:
        for name, text in [*files.items(), *((name, "") for name in whiteouts)]:
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(text), 0o644
            tar.addfile(member, io.BytesIO(text.encode()))
    return data.getvalue()


def add_program(tar, path):
    """The file itself, where `path` may be a link."""
    with open(path, "rb") as contents:
        member = tarfile.TarInfo("./usr" + path.removeprefix("/usr"))
        member.size, member.mode = contents.seek(0, 2), 0o755
        contents.seek(0)
        tar.addfile(member, contents)


def write_root(path, compression):
    """A root file system with a shell, its libraries, and an /etc of its own."""
    with tarfile.open(path, f"w:{compression}") as tar:
        for name, text in {"etc/os-release": RELEASE, "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
                           "srv/lower": ""}.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
        for program in PROGRAMS:
            add_program(tar, f"/usr/bin/{program}")
        for library in set().union(*(libraries(f"/usr/bin/{program}") for program in PROGRAMS)):
            add_program(tar, library)
        for folder in ["bin", "lib", "lib64"]:
            member = tarfile.TarInfo(f"./{folder}")
            member.type, member.linkname = tarfile.SYMTYPE, f"usr/{folder}"
            tar.addfile(member)
    return path


def write_oci(path, layers, architecture, **settings):
    """As `skopeo copy docker://... oci-archive:FILE` writes it."""
    blobs = {}

    def add(data):
        digest = hashlib.sha256(data).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = data
        return {"digest": f"sha256:{digest}", "size": len(data)}

    def add_json(value):
        return add(json.dumps(value).encode())

    manifest = add_json({"schemaVersion": 2, "config": add_json({"architecture": architecture, "os": "linux", "config": settings}),
                         "layers": [add(data) for data in layers]})
    blobs["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode()
    blobs["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
    with tarfile.open(path, "w") as tar:
        for name, data in blobs.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def load_image(cloud, path, *options):
    return cloud.pileus("image", "import", str(path), "--region", REGION, *options).stdout.strip()


def hello_of(machines, image):
    """The console of an instance that says what it sees."""
    machine = machines.run(ImageId=image, UserData=HELLO, KeyName="machines")
    return machine.wait_console("cloud-init: finished")


@pytest.fixture(scope="module")
def tiny(cloud, tmp_path_factory):
    return load_image(cloud, write_root(tmp_path_factory.mktemp("tiny") / "tiny.tar.xz", "xz"))


def test_an_instance_of_an_imported_image_has_nothing_of_the_hosts(cloud, machines, tiny):
    shown = machines.ec2.describe_images(Owners=["self"], ImageIds=[tiny])["Images"][0]
    assert (shown["Name"], shown["State"]) == ("tiny", "available")
    console = hello_of(machines, tiny)
    assert RELEASE in console and "nameserver 172.31.0.2\n" in console
    assert "programs: /usr/bin/cat /usr/bin/sh\n" in console
    assert "no /usr/sbin/sshd" in console


def test_an_image_of_its_instance_keeps_what_was_written(machines, tiny):
    writer = machines.run(ImageId=tiny, UserData="#!/bin/sh\necho > /srv/written\n")
    writer.wait_console("cloud-init: finished")
    image = machines.ec2.create_image(InstanceId=writer.id, Name="written", NoReboot=True)["ImageId"]
    machines.ec2.get_waiter("image_available").wait(ImageIds=[image], WaiterConfig={"Delay": 1})
    assert "files: /srv/lower /srv/written\n" in hello_of(machines, image)


def test_an_alias_makes_a_public_name_launch_it(cloud, machines, tiny):
    name = IMAGE_PARAMETER.rsplit("/", 1)[1]
    cloud.pileus("image", "alias", name, tiny, "--region", REGION)
    assert f"{machines.image}  " in cloud.pileus("image", "list", "--region", REGION).stdout
    assert f" -> {tiny}\n" in cloud.pileus("image", "list", "--region", REGION).stdout
    assert RELEASE in hello_of(machines, f"resolve:ssm:{IMAGE_PARAMETER}")
    with pytest.raises(machines.ec2.exceptions.ClientError, match="OperationNotPermitted"):
        machines.ec2.deregister_image(ImageId=tiny)
    cloud.pileus("image", "alias", IMAGE_PARAMETER, "host", "--region", REGION)
    assert RELEASE not in hello_of(machines, machines.image)


def test_an_oci_archive_is_imported_with_its_layers(cloud, machines, tmp_path):
    root = write_root(tmp_path / "root.tar", "gz").read_bytes()
    upper = layer({"srv/upper": ""}, whiteouts=["srv/.wh.lower"])
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    archive = write_oci(tmp_path / "app.oci.tar", [root, upper], machine)
    image = load_image(cloud, archive, "--name", "app-1.0")
    assert "files: /srv/upper\n" in hello_of(machines, image)
    unpacked = tmp_path / "layout"
    with tarfile.open(archive) as tar:
        tar.extractall(unpacked)
    of_folder = load_image(cloud, unpacked)
    assert sorted(entry.name for entry in (cloud.data / "images" / of_folder / "root/srv").iterdir()) == ["upper"]
    again = cloud.pileus("image", "import", str(archive), "--name", "app-1.0", "--region", REGION, check=False)
    assert again.returncode == 1 and "already in use" in again.stderr


def test_a_folder_is_imported_as_it_is(cloud, tmp_path):
    root = tmp_path / "tree"
    (root / "usr/bin").mkdir(parents=True)
    (root / "srv").mkdir()
    (root / "usr/bin/sh").write_bytes(b"shell")
    (root / "usr/bin/rbash").hardlink_to(root / "usr/bin/sh")
    (root / "srv/link").symlink_to("/etc/shadow")
    with open(root / "srv/hole", "wb") as hole:
        hole.seek(1 << 20)
        hole.write(b"end")
    (root / "srv/hole").chmod(0o4750)
    layer = cloud.data / "images" / load_image(cloud, f"{root}/")
    assert (layer / "usr/bin/sh").stat().st_ino == (layer / "usr/bin/rbash").stat().st_ino
    assert (layer / "root/srv/link").readlink().as_posix() == "/etc/shadow"
    copied = layer / "root/srv/hole"
    assert copied.read_bytes() == bytes(1 << 20) + b"end" and copied.stat().st_mode & 0o7777 == 0o4750


def test_a_build_without_its_tool_says_what_to_install(cloud, tmp_path):
    (tmp_path / "empty").mkdir()
    done = subprocess.run([PILEUS, "image", "build", "debian"], env={**cloud.env, "PATH": str(tmp_path / "empty")}, text=True,
                          capture_output=True)
    assert done.returncode == 1 and "apt-get install mmdebstrap" in done.stderr


def test_a_container_images_own_command_runs_and_runs_again(cloud, machines, tmp_path):
    """As its settings say: in its environment and folder, as its user; its output is on the console."""
    root = write_root(tmp_path / "root.tar", "gz").read_bytes()
    users = layer({"etc/passwd": "root:x:0:0:root:/root:/bin/sh\napp:x:990:991::/srv:/bin/sh\n"})
    script = 'cat /proc/self/status; echo command: "$COLOR $PWD $1"'
    archive = write_oci(tmp_path / "app.tar", [root, users], {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()],
                        Env=["COLOR=light blue"], WorkingDir="/srv", User="app", Entrypoint=["/bin/sh", "-c", script], Cmd=["app", "x y"])
    machine = machines.run(ImageId=load_image(cloud, archive))
    console = machine.wait_console("command: light blue /srv x y")
    assert "Uid:\t990\t990\t990\t990" in console and "Gid:\t991\t991" in console
    eventually(lambda: machine.console().count("command: ") > 1, what="another start")


@pytest.mark.parametrize("files, why", [({"../../escaped": ""}, "leads out"), ({"notes.txt": ""}, "no root file system")])
def test_a_file_that_is_no_image_leaves_nothing(cloud, tmp_path, files, why):
    path = tmp_path / "broken.tar.gz"
    path.write_bytes(layer(files))
    images = cloud.data / "images"
    before = sorted(images.iterdir())
    done = cloud.pileus("image", "import", str(path), "--region", REGION, check=False)
    assert done.returncode == 1 and why in done.stderr
    assert sorted(images.iterdir()) == before and not (cloud.data / "escaped").exists()


def test_a_copy_outlives_its_source(cloud, machines, tmp_path):
    source = load_image(cloud, write_root(tmp_path / "source.tar", "gz"))
    copy = machines.ec2.copy_image(Name="copy", SourceImageId=source, SourceRegion=REGION)["ImageId"]
    machines.ec2.deregister_image(ImageId=source)
    assert RELEASE in hello_of(machines, copy)
    machines.ec2.deregister_image(ImageId=copy)
    for reservation in machines.ec2.describe_instances(Filters=[{"Name": "image-id", "Values": [copy]}])["Reservations"]:
        machines.ec2.terminate_instances(InstanceIds=[reservation["Instances"][0]["InstanceId"]])
    eventually(lambda: not (cloud.data / "images" / source).exists(), what="the layer to be deleted")


def test_a_deregistered_image_is_deleted_once_nobody_needs_it(cloud, machines, tmp_path):
    image = load_image(cloud, write_root(tmp_path / "short.tar", "gz"))
    assert (cloud.data / "images" / image / "root/etc/os-release").exists()
    machines.ec2.deregister_image(ImageId=image)
    eventually(lambda: not (cloud.data / "images" / image).exists(), what="the layer to be deleted")
