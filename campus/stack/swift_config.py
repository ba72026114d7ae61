"""Writes the files that Swift reads: three rings, `swift.conf`, and a file for each server."""

from pathlib import Path

from swift.common.ring import RingBuilder

from campus.stack.ports import HOST
from campus.stack.swift import REGION, Credentials

PARTITION_POWER = 4  # 16 partitions are enough for a single device
RINGS = {"account": "account", "container": "container", "object": "object"}

# Seconds. Timeouts are long, because after a timeout Swift leaves the listing entry of an object to
# a daemon (object-updater) that this stack doesn't run.
_PATIENCE = "30"

# Swift always creates a syslog handler first. With an IP address, it does not look up `localhost`;
# `log_to_stderr` removes the handler before it sends anything.
_BACKEND = """\
[DEFAULT]
bind_ip = {host}
bind_port = {port}
swift_dir = {home}
devices = {home}/devices
mount_check = false
disable_fallocate = true
fallocate_reserve = 0
log_level = WARNING
log_udp_host = {host}
log_custom_handlers = campus.stack.swift_plugins.log_to_stderr

[pipeline:main]
pipeline = {name}-server

[app:{name}-server]
use = egg:swift#{name}
conn_timeout = {patience}
node_timeout = {patience}
container_update_timeout = {patience}
"""

_PROXY = """\
[DEFAULT]
bind_ip = {host}
bind_port = {port}
swift_dir = {home}
log_level = WARNING
log_udp_host = {host}
log_custom_handlers = campus.stack.swift_plugins.log_to_stderr

[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats bulk s3api closed_uploads
    tempauth copy slo dlo versioned_writes symlink proxy-server

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
conn_timeout = {patience}
node_timeout = {patience}
recoverable_node_timeout = {patience}
# Swift must not avoid a node after errors: there is no other node.
error_suppression_interval = 0

[filter:s3api]
use = egg:swift#s3api
location = {region}
s3_acl = false
dns_compliant_bucket_names = false
check_bucket_owner = false
# S3 requires parts of at least 5 MiB; tests use smaller ones.
min_segment_size = 1
max_upload_part_num = 10000

[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{user} = {secret} .admin

[filter:slo]
use = egg:swift#slo
max_manifest_segments = 10000

[filter:cache]
paste.filter_factory = campus.stack.swift_plugins:memory_cache

[filter:closed_uploads]
paste.filter_factory = campus.stack.swift_plugins:closed_uploads

[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:copy]
use = egg:swift#copy
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
[filter:symlink]
use = egg:swift#symlink
"""


def write(home: Path, ports: dict[str, int], credentials: Credentials) -> dict[str, Path]:
    """Write all files below `home`; return the configuration files by server (`proxy`, ...)."""
    home.chmod(0o700)  # because the proxy's file has the secret key
    _write_swift_conf(home, credentials)
    (home / "devices" / "d1").mkdir(parents=True, exist_ok=True)
    for name in RINGS:
        _write_ring(home, name, ports[name])
    return {name: _write_server(home, name, port, credentials) for name, port in ports.items()}


def _write_swift_conf(home: Path, credentials: Credentials) -> None:
    """Write `swift.conf`. Its hash prefix decides where objects are, so it must never change."""
    (home / "swift.conf").write_text(
        f"[swift-hash]\nswift_hash_path_prefix = {credentials.user}\n"
        "swift_hash_path_suffix = tandem\n\n"
        "[storage-policy:0]\nname = single\ndefault = yes\n"
    )


def _write_ring(home: Path, name: str, port: int) -> None:
    """Write a ring of one device. The port does not matter for the place of an object."""
    ring = RingBuilder(PARTITION_POWER, replicas=1, min_part_hours=0)
    ring.add_dev(
        {"id": 0, "region": 1, "zone": 1, "ip": HOST, "port": port, "device": "d1", "weight": 1.0}
    )
    ring.rebalance(seed="tandem")
    ring.get_ring().save(str(home / f"{name}.ring.gz"))


def _write_server(home: Path, name: str, port: int, credentials: Credentials) -> Path:
    template = _PROXY if name == "proxy" else _BACKEND
    path = home / f"{name}.conf"
    path.write_text(
        template.format(
            name=name,
            host=HOST,
            port=port,
            home=home,
            patience=_PATIENCE,
            region=REGION,
            account=credentials.account,
            user=credentials.user,
            secret=credentials.secret,
        )
    )
    return path
