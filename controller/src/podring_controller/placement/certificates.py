"""Certificates for the placement webhook: made at each start, kept nowhere.

An API server trusts a webhook by the CA in its configuration. The controller makes a CA and one
server certificate when it starts, tells the API server the CA, and forgets the CA's key. So there
is no Secret to read or to leak, and nothing to renew: a restart makes new ones. Keys never touch a
disk, since the container's root is read-only anyway.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_SKEW = timedelta(hours=1)
"""How far an API server's clock may be behind ours."""
_LIFE = timedelta(days=3650)
"""Longer than any controller runs; a certificate ends with the process that made it."""

# RFC 5280 wants them said one by one; clients that check strictly, such as Python from 3.13 on,
# want them at all, and the keys' identifiers.
_PURPOSES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
    "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Certificates:
    """What a server shows and its clients check, as PEM."""

    authority: bytes
    server: bytes
    key: bytes

    def context(self) -> ssl.SSLContext:
        """A server's TLS context with this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        with ExitStack() as files:
            context.load_cert_chain(_in_memory(self.server, files), _in_memory(self.key, files))
        return context


def make_certificates(names: Sequence[str]) -> Certificates:
    """A CA, and a server certificate by it.

    names   host names and IP addresses at which clients ask; the first is the subject
    """
    authority_key = ec.generate_private_key(ec.SECP256R1())
    server_key = ec.generate_private_key(ec.SECP256R1())
    issuer = _subject("podring placement CA")
    authority = (
        _builder(issuer, issuer, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage("key_cert_sign"), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    server = (
        _builder(_subject(names[0]), issuer, server_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage("digital_signature"), critical=True)
        .add_extension(_identifier(authority_key), critical=False)
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    key = server_key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Certificates(authority.public_bytes(pem), server.public_bytes(pem), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _LIFE)
        .add_extension(own, critical=False)
    )


def _identifier(issuer: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())


def _usage(purpose: str) -> x509.KeyUsage:
    purposes = dict.fromkeys(_PURPOSES, False)
    return x509.KeyUsage(**purposes | {purpose: True})


def _subject(name: str) -> x509.Name:
    # A common name has at most 64 characters; clients look at the alternative names.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _in_memory(content: bytes, files: ExitStack) -> str:
    """The path of a file without a place: Python's ssl takes keys from files alone."""
    descriptor = os.memfd_create("podring-placement")
    files.callback(os.close, descriptor)
    os.write(descriptor, content)
    return f"/proc/self/fd/{descriptor}"
