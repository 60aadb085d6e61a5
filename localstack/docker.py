"""The Docker engine of this machine, through its command line."""

import shutil
import subprocess
from functools import cache
from ipaddress import ip_network

from localstack.processes import PartError


def docker(*arguments: str) -> str:
    """What a command of `docker` prints. Raises PartError when there is no Docker, no engine, or the command fails."""
    ended = subprocess.run([program(), *arguments], capture_output=True, text=True)
    if ended.returncode:
        raise PartError(f"docker {arguments[0]} failed: {ended.stderr.strip().splitlines()[-1]}")
    return ended.stdout.strip()


def program() -> str:
    """Where the command line is. Raises PartError when there is none."""
    found = shutil.which("docker")
    if found is None:
        raise PartError("There is no Docker on this machine.")
    return found


def healthy(project: str, containers: int) -> bool:
    """Whether so many containers of a Compose project are well."""
    filters = [f"--filter=label=com.docker.compose.project={project}", "--filter=health=healthy"]
    return len(docker("ps", "--quiet", *filters).split()) == containers


@cache
def bridge() -> str:
    """The address by which containers reach this machine."""
    form = "--format={{with index .IPAM.Config 0}}{{.Gateway}} {{.Subnet}}{{end}}"
    *gateway, subnet = docker("network", "inspect", "bridge", form).split()
    # An engine that has just made its first network does not tell the gateway, which is the first address.
    return gateway[0] if gateway else str(ip_network(subnet)[1])


def make_network(name: str) -> None:
    """A network for the containers of one stack, without what an earlier one has left in it."""
    remove_network(name)
    docker("network", "create", name)


def remove_network(name: str) -> None:
    """Remove a network and every container in it; nothing happens when there is none."""
    if not docker("network", "ls", "--quiet", f"--filter=name=^{name}$"):
        return
    if containers := docker("ps", "--all", "--quiet", f"--filter=network={name}").split():
        docker("rm", "--force", *containers)
    docker("network", "rm", name)
