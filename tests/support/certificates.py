"""Certificates made at test time: an authority of our own, and leaves that are right or wrong in one way each."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs leaves; `folder` gets the files that ssl wants to read."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def client_context(self) -> ssl.SSLContext:
        """What trusts this authority and nothing else, and verifies as a client must."""
        return ssl.create_default_context(cadata=self.certificate.public_bytes(Encoding.PEM).decode())

    def server_context(
        self, *names: str, valid_for: timedelta = timedelta(days=1), common_name: str = "leaf"
    ) -> ssl.SSLContext:
        """A server's context with a new certificate for these names and addresses; a negative `valid_for` is over.

        Without names the certificate has no subjectAltName.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = self._signed(key, names, valid_for, common_name)
        file = self.folder / f"{leaf.serial_number}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(leaf.public_bytes(Encoding.PEM) + private)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        context.sni_callback = _note_server_name
        return context

    def _signed(
        self, key: ec.EllipticCurvePrivateKey, names: tuple[str, ...], valid_for: timedelta, common_name: str
    ) -> x509.Certificate:
        end = datetime.now(UTC) + valid_for
        builder = (
            x509.CertificateBuilder(subject_name=_named(common_name), issuer_name=self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(end - timedelta(days=2))
            .not_valid_after(end)
        )
        if names:
            alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        return builder.sign(self.key, SHA256())


def new_authority(folder: Path) -> Authority:
    """An authority that nobody knows yet."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject_name=_named("authority"), issuer_name=_named("authority"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=3))
        .not_valid_after(now + timedelta(days=3))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    return Authority(folder, key, certificate)


def _named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _note_server_name(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
    connection.noted_server_name = name  # type: ignore[attr-defined]  # for the test to look at
