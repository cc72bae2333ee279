"""Enclave image files, built from the published section format, and what they
measure as, computed apart."""

import datetime
import hashlib
import struct
import zlib

KERNEL, COMMAND_LINE, RAMDISK, SIGNATURE, METADATA = 1, 2, 3, 4, 5

USUAL = [
    (KERNEL, b"kernel" * 1000),
    (COMMAND_LINE, b"reboot=k panic=30"),
    (METADATA, b'{"ImageName":"test"}'),
    (RAMDISK, b"boot" * 5000),
    (RAMDISK, b"application" * 20000),
    (RAMDISK, b"more"),
]


def build(sections=None, version=4, **changes):
    """changes: count, offsets, sizes, inner_sizes, crc, magic, tail."""
    sections = USUAL if sections is None else sections
    offset, offsets, body = 548, [], b""
    inner = changes.get("inner_sizes", [len(data) for _, data in sections])
    for (kind, data), size in zip(sections, inner):
        offsets.append(offset)
        body += struct.pack(">HHQ", kind, 0, size) + data
        offset += 12 + len(data)
    offsets = changes.get("offsets", offsets)
    sizes = changes.get("sizes", [len(data) for _, data in sections])
    header = changes.get("magic", b".eif") + struct.pack(
        ">HHQQHH", version, 0, 1 << 30, 2, 0, changes.get("count", len(sections))
    )
    for values in (offsets, sizes):
        header += struct.pack(">32Q", *(values + [0] * 32)[:32])
    header += struct.pack(">I", 0)
    crc = changes.get("crc", zlib.crc32(header + body))
    return header + struct.pack(">I", crc) + body + changes.get("tail", b"")


def extend(data):
    first = hashlib.sha384(data).digest()
    return hashlib.sha384(bytes(48) + first).hexdigest()


def measure(sections=None, certificate=None):
    """PCRs by name; certificate: DER."""
    sections = USUAL if sections is None else sections
    image = boot = application = b""
    ramdisks = 0
    for kind, data in sections:
        if kind in (KERNEL, COMMAND_LINE, RAMDISK):
            image += data
            if kind == RAMDISK and ramdisks:
                application += data
            else:
                boot += data
        ramdisks += kind == RAMDISK
    found = {"PCR0": extend(image), "PCR1": extend(boot), "PCR2": extend(application)}
    if certificate is not None:
        found["PCR8"] = extend(certificate)
    return found


def certificate():
    """A signing certificate as PEM and DER."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "signer")])
    start = datetime.datetime(2026, 1, 1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=365))
        .sign(key, hashes.SHA384())
    )
    return (
        made.public_bytes(serialization.Encoding.PEM),
        made.public_bytes(serialization.Encoding.DER),
    )


def signature(pem, as_array=True):
    """The section, as serde writes it (arrays of integers), or shorter."""
    import cbor2

    def value(data):
        return list(data) if as_array else data

    return cbor2.dumps(
        [{"signing_certificate": value(pem), "signature": value(b"\x84" * 100)}]
    )
