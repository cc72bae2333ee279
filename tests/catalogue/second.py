"""A second verifier, written from the specification in another language over
other libraries (cbor2, cryptography's Rust X.509 parser), to disagree with the
first where one of the two is wrong. Slow and plain on purpose.
"""

import datetime
import io
import re

import cbor2
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

MAX_DOCUMENT = 16384
LAST_MS = 253402300799999


class Refused(Exception):
    """Carries the step that refused; "certificate" for DER that is none."""


def need(condition, step):
    if not condition:
        raise Refused(step)


# Structure: CBOR in the one form that is allowed, then cbor2 must agree.

class Input:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        need(count <= len(self.data) - self.at, "structure")
        self.at += count
        return self.data[self.at - count:self.at]

    def head(self):
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        if info < 24:
            return major, info
        if info == 31:
            need(major in (4, 5, 7), "structure")
            return major, None
        need(info <= 27, "structure")
        width = 1 << info - 24
        value = int.from_bytes(self.take(width), "big")
        if major == 7:
            need(info != 24, "structure")
            return major, info
        need(value >= (24, 1 << 8, 1 << 16, 1 << 32)[info - 24], "structure")
        return major, value


BREAK = object()


def scalar(source):
    """One item that is no container; those are read where they may be."""
    major, value = source.head()
    if major == 0:
        return value
    if major in (2, 3):
        data = source.take(value)
        return data if major == 2 else TextBytes(data)
    if major == 7 and value == 22:
        return None
    if major == 7 and value is None:
        return BREAK
    raise Refused("structure")


class TextBytes(bytes):
    """A text string, undecoded."""


def items(source, major, width):
    """The elements or pairs of a container, definite or not."""
    kind, count = source.head()
    need(kind == major, "structure")
    done = 0
    while count is None or done < count:
        first = scalar(source)
        if first is BREAK:
            need(count is None, "structure")
            return
        done += 1
        yield first if width == 1 else (first, source)


def sized(value, kind, low, high):
    need(type(value) is kind and low <= len(value) <= high, "structure")
    return value


def read_pcrs(source):
    pcrs = {}
    for index, _ in items(source, 5, 2):
        need(type(index) is int and 0 <= index <= 31, "structure")
        need(index not in pcrs, "structure")
        pcrs[index] = sized(scalar(source), bytes, 48, 48)
    need(pcrs, "structure")
    return pcrs


def read_bundle(source):
    bundle = []
    for certificate in items(source, 4, 1):
        bundle.append(sized(certificate, bytes, 1, 1024))
        need(len(bundle) <= 8, "structure")
    need(bundle, "structure")
    return bundle


def read_module_id(source):
    text = sized(scalar(source), TextBytes, 1, 128)
    need(re.fullmatch(rb"[ -~]+", text), "structure")
    return bytes(text)


def read_digest(source):
    digest = scalar(source)
    need(type(digest) is TextBytes and digest == b"SHA384", "structure")


def read_timestamp(source):
    value = scalar(source)
    need(type(value) is int and 0 < value <= LAST_MS, "structure")
    return value


def read_optional(source):
    value = scalar(source)
    return value if value is None else sized(value, bytes, 0, 1024)


READERS = {
    b"module_id": read_module_id, b"digest": read_digest,
    b"timestamp": read_timestamp, b"pcrs": read_pcrs,
    b"certificate": lambda source: sized(scalar(source), bytes, 1, 1024),
    b"cabundle": read_bundle, b"public_key": read_optional,
    b"user_data": read_optional, b"nonce": read_optional,
}
OPTIONAL = (b"public_key", b"user_data", b"nonce")


def read_payload(payload):
    source = Input(payload)
    fields = {}
    for name, _ in items(source, 5, 2):
        need(type(name) is TextBytes and name in READERS, "structure")
        need(name not in fields, "structure")
        fields[bytes(name)] = READERS[name](source)
    need(source.at == len(payload), "structure")
    need(all(name in fields or name in OPTIONAL for name in READERS),
         "structure")
    compare_with_cbor2(payload, fields)
    return fields


def compare_with_cbor2(payload, fields):
    stream = io.BytesIO(payload)
    other = cbor2.load(stream)
    assert stream.tell() == len(payload)
    for name, value in fields.items():
        if name == b"digest":
            continue
        seen = other[name.decode()]
        assert value == (seen.encode() if isinstance(seen, str) else seen)


def read_envelope(document):
    need(0 < len(document) <= MAX_DOCUMENT, "structure")
    source = Input(document)
    if document[0] == 0xd2:
        source.take(1)
    need(source.take(8 - 1) == bytes.fromhex("8444a1013822a0"), "structure")
    payload, signature = scalar(source), scalar(source)
    need(type(payload) is bytes and payload, "structure")
    need(type(signature) is bytes and len(signature) == 96, "structure")
    need(source.at == len(document), "structure")
    return payload, signature


# Chain

def der(data):
    """The TLVs directly inside a constructed value."""
    at = 0
    parts = []
    while at < len(data):
        start, length = at, data[at + 1]
        at += 2
        if length & 0x80:
            width = length & 0x7f
            length = int.from_bytes(data[at:at + width], "big")
            at += width
        parts.append((data[start], data[at:at + length],
                      data[start:at + length]))
        at += length
    return parts


ECDSA_SHA384 = bytes.fromhex("300a06082a8648ce3d040303")
P384_KEY = bytes.fromhex("301006072a8648ce3d020106052b81040022")
EPOCH = datetime.datetime(1970, 1, 1)


def time_ms(tag, text):
    pattern = {0x17: rb"\d{12}Z", 0x18: rb"\d{14}Z"}.get(tag)
    need(pattern and re.fullmatch(pattern, text), "certificate")
    digits = text[:-1].decode()
    if tag == 0x17:
        digits = ("20" if int(digits[:2]) < 50 else "19") + digits
    try:
        moment = datetime.datetime.strptime(digits, "%Y%m%d%H%M%S")
    except ValueError:
        raise Refused("certificate") from None
    need(moment.second < 60, "certificate")
    delta = moment - EPOCH
    return (delta.days * 86400 + delta.seconds) * 1000


CHARACTERS = {0x0c: "utf-8", 0x1c: "utf-32-be", 0x1e: "utf-16-be"}


def check_name(name):
    """Characters that are none (X.690 8.23)."""
    for _, relative, _ in der(der(name)[0][1]):
        for _, pair, _ in der(relative):
            tag, text, _ = der(pair)[1]
            try:
                text.decode(CHARACTERS.get(tag, "latin-1"))
            except UnicodeDecodeError:
                raise Refused("certificate") from None


class Parsed:
    def __init__(self, data):
        try:
            self.certificate = x509.load_der_x509_certificate(data)
        except x509.InvalidVersion:
            raise Refused("chain") from None
        except ValueError:
            raise Refused("certificate") from None
        outer = der(der(data)[0][1])
        tbs = der(outer[0][1])
        self.has_version = tbs[0][0] == 0xa0
        rest = tbs[1:] if self.has_version else tbs
        self.data = data
        self.version = rest and self.has_version and tbs[0][1]
        self.algorithms = (rest[1][2], outer[1][2])
        self.issuer = rest[2][2]
        validity = der(rest[3][1])
        self.not_before = time_ms(*validity[0][:2])
        self.not_after = time_ms(*validity[1][:2])
        self.subject = rest[4][2]
        check_name(self.issuer)
        check_name(self.subject)
        spki = der(rest[5][1])
        self.key_algorithm = spki[0][2]
        self.point = spki[1][1]


def extensions_of(parsed):
    try:
        extensions = list(parsed.certificate.extensions)
    except (ValueError, x509.DuplicateExtension):
        raise Refused("chain") from None
    need(len(extensions) <= 16, "chain")
    return {extension.oid.dotted_string: extension
            for extension in extensions}


def check_profile(parsed, is_ca, cas_below):
    need(parsed.version == b"\x02\x01\x02", "chain")
    need(parsed.algorithms == (ECDSA_SHA384, ECDSA_SHA384), "chain")
    need(parsed.key_algorithm == P384_KEY, "chain")
    need(len(parsed.point) == 98 and parsed.point[:2] == b"\0\4", "chain")
    try:
        parsed.key = parsed.certificate.public_key()
    except ValueError:
        raise Refused("chain") from None
    extensions = extensions_of(parsed)
    known = {"2.5.29.19", "2.5.29.15"}
    for oid, extension in extensions.items():
        need(oid not in ("2.5.29.37", "2.5.29.30"), "chain")
        need(oid in known or not extension.critical, "chain")
    constraints = extensions.get("2.5.29.19")
    usage = extensions.get("2.5.29.15")
    need(usage, "chain")
    if is_ca:
        need(constraints and constraints.critical and constraints.value.ca,
             "chain")
        limit = constraints.value.path_length
        need(limit is None or limit >= cas_below, "chain")
        need(usage.value.key_cert_sign, "chain")
        return
    if constraints:
        need(not constraints.value.ca, "chain")
        need(constraints.value.path_length is None, "chain")
    need(usage.value.digital_signature, "chain")
    need(not usage.value.key_cert_sign, "chain")


def key_id(parsed, oid):
    return extensions_of(parsed).get(oid)


def check_link(child, issuer):
    need(child.issuer == issuer.subject, "chain")
    need(child.issuer != child.subject, "chain")
    authority = key_id(child, "2.5.29.35")
    subject = key_id(issuer, "2.5.29.14")
    if authority:
        need(authority.value.authority_cert_serial_number is None, "chain")
        need(authority.value.authority_cert_issuer is None, "chain")
        identifier = authority.value.key_identifier
        need(not (subject and identifier) or
             identifier == subject.value.digest, "chain")
    try:
        issuer.key.verify(child.certificate.signature,
                          child.certificate.tbs_certificate_bytes,
                          ec.ECDSA(hashes.SHA384()))
    except InvalidSignature:
        raise Refused("chain") from None


def verify(document, root, now_ms, max_age_ms, skew_ms):
    """The claims in one word, or Refused."""
    payload, signature = read_envelope(document)
    fields = read_payload(payload)
    path = [Parsed(data) for data in
            fields[b"cabundle"] + [fields[b"certificate"]]]
    need(path[0].data == root, "chain")
    for number, parsed in enumerate(path):
        check_profile(parsed, number < len(path) - 1, len(path) - 2 - number)
    names = [parsed.subject for parsed in path]
    for child, issuer in zip(path[1:], path):
        check_link(child, issuer)
    need(len(set(names)) == len(names), "chain")
    head = bytes.fromhex("846a5369676e61747572653144a101382240")
    signed = head + cbor2.dumps(payload)
    der_signature = utils.encode_dss_signature(
        int.from_bytes(signature[:48], "big"),
        int.from_bytes(signature[48:], "big"))
    try:
        path[-1].key.verify(der_signature, signed, ec.ECDSA(hashes.SHA384()))
    except InvalidSignature:
        raise Refused("signature") from None
    for parsed in path:
        need(parsed.not_before - skew_ms <= now_ms < parsed.not_after, "time")
    made = fields[b"timestamp"]
    need(made - skew_ms <= now_ms < made + max_age_ms, "time")
    return "/".join(
        [fields[b"module_id"].hex(), str(made),
         str(min(parsed.not_after for parsed in path))]
        + ["%d=%s" % (index, value.hex())
           for index, value in sorted(fields[b"pcrs"].items())]
        + ["null" if fields.get(name) is None else fields[name].hex()
           for name in OPTIONAL])
