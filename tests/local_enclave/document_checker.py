"""A second opinion on minted documents: takes them apart with other tools.

Written from AWS's description and from real documents, not from mint.c.
"""

import datetime

import cbor2
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

MEMBERS = [
    "module_id",
    "digest",
    "timestamp",
    "pcrs",
    "certificate",
    "cabundle",
    "public_key",
    "user_data",
    "nonce",
]
ES384 = ec.ECDSA(hashes.SHA384())


class Refused(Exception):
    """The first thing that is wrong with a document."""


class Document:
    """A document taken apart; nothing is verified yet."""

    def __init__(self, raw):
        self.raw = raw
        try:
            outer = cbor2.loads(raw)
            self.protected, self.unprotected, self.payload, self.signature = outer
            self.claims = cbor2.loads(self.payload)
        except (cbor2.CBORDecodeError, ValueError, TypeError) as problem:
            raise Refused("malformed") from problem
        self.bundle = [
            x509.load_der_x509_certificate(der) for der in self.claims["cabundle"]
        ]
        self.leaf = x509.load_der_x509_certificate(self.claims["certificate"])
        self.chain = self.bundle + [self.leaf]

    def check(self, root_pem, now=None):
        """Chain, signature, then time, as the design orders them."""
        root = x509.load_pem_x509_certificate(root_pem)
        if self.bundle[0] != root:
            raise Refused("untrusted root")
        for issuer, subject in zip(self.chain, self.chain[1:]):
            _check_issued(issuer, subject)
        self._check_signature()
        self._check_times(now or datetime.datetime.utcnow())

    def _check_signature(self):
        if len(self.signature) != 96:
            raise Refused("signature length")
        signed = cbor2.dumps(["Signature1", self.protected, b"", self.payload])
        der = utils.encode_dss_signature(
            int.from_bytes(self.signature[:48], "big"),
            int.from_bytes(self.signature[48:], "big"),
        )
        try:
            self.leaf.public_key().verify(der, signed, ES384)
        except InvalidSignature as problem:
            raise Refused("signature") from problem

    def _check_times(self, now):
        for certificate in self.chain:
            if now >= certificate.not_valid_after:
                raise Refused("expired")
            if now < certificate.not_valid_before:
                raise Refused("not yet valid")
        stamp = datetime.datetime.utcfromtimestamp(self.claims["timestamp"] / 1000)
        if stamp > now + datetime.timedelta(seconds=5):
            raise Refused("future")


def _check_issued(issuer, subject):
    if subject.issuer != issuer.subject:
        raise Refused("names of the chain")
    try:
        issuer.public_key().verify(
            subject.signature, subject.tbs_certificate_bytes, ES384
        )
    except InvalidSignature as problem:
        raise Refused("chain") from problem


def profile(certificate):
    """Everything about a certificate but keys, numbers, ids and dates."""
    return {
        "version": certificate.version.name,
        "signature": certificate.signature_algorithm_oid.dotted_string,
        "curve": certificate.public_key().curve.name,
        "subject": _name_profile(certificate.subject),
        "issuer": _name_profile(certificate.issuer),
        "extensions": [
            (extension.oid.dotted_string, extension.critical)
            + _extension_profile(extension.value)
            for extension in certificate.extensions
        ],
    }


def _name_profile(name):
    """Types and encodings in order, and the values that are the same in all."""
    return [
        (
            attribute.oid.dotted_string,
            attribute._type.name,
            attribute.value
            if attribute.oid != x509.NameOID.COMMON_NAME
            else attribute.value.count("."),
        )
        for attribute in name
    ]


def _extension_profile(value):
    if isinstance(value, x509.BasicConstraints):
        return (value.ca, value.path_length)
    if isinstance(value, x509.KeyUsage):
        return (value.public_bytes(),)
    if isinstance(value, x509.CRLDistributionPoints):
        return tuple(
            point.full_name[0].value.split("/crl/")[0].count("-aws-nitro-enclaves")
            for point in value
        )
    return (len(value.public_bytes()),)


def life_s(certificate):
    span = certificate.not_valid_after - certificate.not_valid_before
    return int(span.total_seconds())
