"""Makes attestation documents, good and hostile, from a test root.

Everything is encoded by hand: libraries refuse to write most of what a
verifier must refuse to read. The shapes copy real documents: five levels of
certificates with the real names, extensions and validity spans.
"""

import datetime

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, utils
from cryptography.hazmat.primitives.asymmetric import padding

# The pinned clock: 2026-01-15T12:00:00Z.
NOW_MS = 1768478400000
SECOND_MS = 1000
HOUR_MS = 3600 * SECOND_MS
DAY_MS = 24 * HOUR_MS

P384_ORDER = int(
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf"
    "581a0db248b0a77aecec196accc52973", 16)


# CBOR (RFC 8949)

def head(major, value, width=None):
    """The head of an item; width forces 1, 2, 4 or 8 argument bytes."""
    if width is None:
        if value < 24:
            return bytes([major << 5 | value])
        width = next(w for w in (1, 2, 4, 8) if value < 1 << 8 * w)
    info = {1: 24, 2: 25, 4: 26, 8: 27}[width]
    return bytes([major << 5 | info]) + value.to_bytes(width, "big")


def uint(value, width=None):
    return head(0, value, width)


def negative(value):
    return head(1, -1 - value)


def bstr(data, width=None):
    return head(2, len(data), width) + data


def tstr(text, width=None):
    data = text.encode() if isinstance(text, str) else text
    return head(3, len(data), width) + data


def array(items):
    return head(4, len(items)) + b"".join(items)


def cbor_map(pairs, indefinite=False):
    body = b"".join(key + value for key, value in pairs)
    if indefinite:
        return b"\xbf" + body + b"\xff"
    return head(5, len(pairs)) + body


NULL = b"\xf6"


# DER (X.690)

def tlv(tag, content):
    length = len(content)
    if length < 128:
        return bytes([tag, length]) + content
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size, "big") + content


def seq(*parts):
    return tlv(0x30, b"".join(parts))


def der_int(value):
    return tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big",
                                 signed=value < 0))


def oid(dotted):
    parts = [int(part) for part in dotted.split(".")]
    out = bytes([parts[0] * 40 + parts[1]])
    for part in parts[2:]:
        chunk = [part & 127]
        while part > 127:
            part >>= 7
            chunk.append(part & 127 | 128)
        out += bytes(reversed(chunk))
    return tlv(6, out)


def bit_string(data, unused=0):
    return tlv(3, bytes([unused]) + data)


def octets(data):
    return tlv(4, data)


DER_TRUE = b"\x01\x01\xff"
DER_NULL = b"\x05\x00"

EC_KEY = oid("1.2.840.10045.2.1")
P384 = oid("1.3.132.0.34")
ECDSA_SHA384 = seq(oid("1.2.840.10045.4.3.3"))
ATTRIBUTES = {"C": "2.5.4.6", "O": "2.5.4.10", "OU": "2.5.4.11",
              "CN": "2.5.4.3", "L": "2.5.4.7", "ST": "2.5.4.8"}


def name(*pairs):
    return seq(*(tlv(0x31, seq(oid(ATTRIBUTES[kind]), tlv(0x0c, text.encode())))
                 for kind, text in pairs))


def utc_time(time_ms):
    moment = datetime.datetime.utcfromtimestamp(time_ms // 1000)
    return tlv(0x17, moment.strftime("%y%m%d%H%M%SZ").encode())


def generalized_time(time_ms):
    moment = (datetime.datetime(1970, 1, 1)
              + datetime.timedelta(seconds=time_ms // 1000))
    return tlv(0x18, moment.strftime("%Y%m%d%H%M%SZ").encode())


def extension(dotted, value, critical=False):
    return seq(oid(dotted), DER_TRUE if critical else b"", octets(value))


def basic_constraints(ca, path_len=None, critical=True):
    content = (DER_TRUE if ca else b"") + (
        b"" if path_len is None else der_int(path_len))
    return extension("2.5.29.19", seq(content), critical)


# Bits of keyUsage, counted from the left (RFC 5280 4.2.1.3).
USAGES = {"digitalSignature": 0, "nonRepudiation": 1, "keyCertSign": 5,
          "cRLSign": 6}


def key_usage(*usages, critical=True):
    bits = sum(0x80 >> USAGES[usage] for usage in usages)
    unused = (bits & -bits).bit_length() - 1 if bits else 0
    return extension("2.5.29.15", bit_string(bytes([bits]), unused), critical)


def subject_key_id(identifier):
    return extension("2.5.29.14", octets(identifier))


def authority_key_id(identifier):
    return extension("2.5.29.35", seq(tlv(0x80, identifier)))


CA_USAGES = ("digitalSignature", "keyCertSign", "cRLSign")


# Keys

def key(number, curve=None):
    """The same key for the same number, in each run."""
    return ec.derive_private_key(0x1000 + number, curve or ec.SECP384R1())


def point(private):
    return private.public_key().public_bytes(
        serialization.Encoding.X962,
        serialization.PublicFormat.UncompressedPoint)


def spki(private):
    return private.public_key().public_bytes(
        serialization.Encoding.DER,
        serialization.PublicFormat.SubjectPublicKeyInfo)


def p384_spki(point_bytes, parameters=P384, algorithm=EC_KEY):
    return seq(seq(algorithm, parameters), bit_string(point_bytes))


def sign(private, data, digest=None):
    """A signature as certificates have it."""
    digest = digest or hashes.SHA384()
    if isinstance(private, rsa.RSAPrivateKey):
        return private.sign(data, padding.PKCS1v15(), digest)
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return private.sign(data)
    return private.sign(data, ec.ECDSA(digest))


def raw_signature(private, data, digest=None):
    """A signature as COSE has it: r and s side by side."""
    size = (private.curve.key_size + 7) // 8
    r, s = utils.decode_dss_signature(sign(private, data, digest))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


# Certificates

class Certificate:
    """A certificate to be; every part can be replaced before it is built."""

    def __init__(self, subject, private, span, extensions):
        self.subject = subject
        self.issuer = None
        self.private = private
        self.signer = None
        self.serial = 1
        self.version = 2
        self.not_before = utc_time(span[0])
        self.not_after = utc_time(span[1])
        self.extensions = extensions
        self.spki = None
        self.inner_algorithm = ECDSA_SHA384
        self.outer_algorithm = ECDSA_SHA384
        self.digest = None
        self.damage = lambda der: der

    def build(self):
        version = tlv(0xa0, der_int(self.version)) if self.version else b""
        extensions = tlv(0xa3, seq(*self.extensions)) if self.extensions \
            else b""
        tbs = seq(version, der_int(self.serial), self.inner_algorithm,
                  self.issuer, seq(self.not_before, self.not_after),
                  self.subject, self.spki or spki(self.private), extensions)
        signature = sign(self.signer, tbs, self.digest)
        return self.damage(
            seq(tbs, self.outer_algorithm, bit_string(signature)))


REGION = "us-east-1"
INSTANCE = "i-0123456789abcdef0"
MODULE = INSTANCE + "-enc0123456789abcdef"
KEY_IDS = [bytes([0x10 + level] * 20) for level in range(4)]

ROOT, REGIONAL, ZONAL, INSTANCE_CA, LEAF = range(5)


def amazon(common_name):
    return name(("C", "US"), ("O", "Amazon"), ("OU", "AWS"),
                ("CN", common_name))


def chain(offset=0):
    """The five certificates of a document, with keys of their own."""
    suffix = "." + REGION + ".aws.nitro-enclaves"
    levels = [
        Certificate(
            amazon("aws.nitro-enclaves"), key(offset),
            (NOW_MS - 2000 * DAY_MS, NOW_MS + 8000 * DAY_MS),
            [basic_constraints(True), subject_key_id(KEY_IDS[0]),
             key_usage(*CA_USAGES)]),
        Certificate(
            amazon("0123456789abcdef" + suffix), key(offset + 1),
            (NOW_MS - 10 * DAY_MS, NOW_MS - 10 * DAY_MS + 1731600000),
            [basic_constraints(True, 2), authority_key_id(KEY_IDS[0]),
             subject_key_id(KEY_IDS[1]), key_usage(*CA_USAGES)]),
        Certificate(
            name(("L", "Seattle"), ("ST", "WA"), ("C", "US"),
                 ("O", "Amazon"), ("OU", "AWS"),
                 ("CN", "fedcba9876543210.zonal" + suffix)), key(offset + 2),
            (NOW_MS - 2 * DAY_MS, NOW_MS + 3 * DAY_MS),
            [basic_constraints(True, 1), authority_key_id(KEY_IDS[1]),
             subject_key_id(KEY_IDS[2]), key_usage(*CA_USAGES)]),
        Certificate(
            name(("C", "US"), ("ST", "Washington"), ("L", "Seattle"),
                 ("O", "Amazon"), ("OU", "AWS"), ("CN", INSTANCE + suffix)),
            key(offset + 3), (NOW_MS - 12 * HOUR_MS, NOW_MS + 12 * HOUR_MS),
            [basic_constraints(True, 0), authority_key_id(KEY_IDS[2]),
             subject_key_id(KEY_IDS[3]), key_usage("keyCertSign")]),
        Certificate(
            name(("C", "US"), ("ST", "Washington"), ("L", "Seattle"),
                 ("O", "Amazon"), ("OU", "AWS"),
                 ("CN", MODULE + "." + REGION + ".aws")),
            key(offset + 4), (NOW_MS - HOUR_MS, NOW_MS - HOUR_MS + 10803000),
            [basic_constraints(False),
             key_usage("digitalSignature", "nonRepudiation",
                       critical=False)]),
    ]
    link(levels)
    return levels


def link(levels):
    """Each certificate is issued by the one before it, the first by itself."""
    for level, certificate in enumerate(levels):
        issuer = levels[max(level - 1, 0)]
        certificate.issuer = issuer.subject
        certificate.signer = issuer.private


def pem(der):
    from base64 import encodebytes
    return (b"-----BEGIN CERTIFICATE-----\n" + encodebytes(der)
            + b"-----END CERTIFICATE-----\n")


# Documents

def pcr(index):
    return bytes([index + 1] * 48)


def pcr_pairs(indices, zero=()):
    return [(uint(index), bstr(bytes(48) if index in zero else pcr(index)))
            for index in indices]


class Document:
    """A document to be; every part can be replaced before it is built."""

    def __init__(self, levels=None):
        self.levels = levels or chain()
        self.bundle = None  # DER, instead of what levels give
        self.certificate = None
        self.fields = {
            "module_id": tstr(MODULE),
            "digest": tstr("SHA384"),
            "timestamp": uint(NOW_MS - 10 * SECOND_MS),
            "pcrs": cbor_map(pcr_pairs(
                range(16), zero=(5, 6, 7) + tuple(range(9, 16)))),
            "certificate": None,
            "cabundle": None,
            "public_key": NULL,
            "user_data": bstr(b"user data"),
            "nonce": NULL,
        }
        self.extra = []  # (key, value) pairs after the fields
        self.indefinite = True
        self.payload = None  # instead of all of the above
        self.tag = b""
        self.array_head = b"\x84"
        self.protected = bytes.fromhex("44a1013822")
        self.unprotected = b"\xa0"
        self.encode_payload = bstr
        self.encode_signature = bstr
        self.signature = None
        self.signer = None
        self.to_be_signed = None
        self.trailing = b""

    def build_payload(self):
        if self.payload is not None:
            return self.payload
        if self.bundle is None:
            self.bundle = [level.build() for level in self.levels[:-1]]
        if self.certificate is None:
            self.certificate = self.levels[-1].build()
        fields = dict(self.fields)
        if fields.get("certificate", b"") is None:
            fields["certificate"] = bstr(self.certificate)
        if fields.get("cabundle", b"") is None:
            fields["cabundle"] = array([bstr(der) for der in self.bundle])
        pairs = [(tstr(field), value) for field, value in fields.items()]
        return cbor_map(pairs + self.extra, self.indefinite)

    def build(self):
        payload = self.build_payload()
        signed = array([tstr("Signature1"), bytes.fromhex("44a1013822"),
                        bstr(b""), bstr(payload)])
        if self.to_be_signed:
            signed = self.to_be_signed(payload)
        signature = self.signature
        if signature is None:
            signature = raw_signature(
                self.signer or self.levels[-1].private, signed)
        elif callable(signature):
            signature = signature(
                raw_signature(self.levels[-1].private, signed))
        return (self.tag + self.array_head + self.protected
                + self.unprotected + self.encode_payload(payload)
                + self.encode_signature(signature) + self.trailing)
