"""A state's identity provider by OpenID Connect: fetching, verifying, and the provider itself."""

from comity.adapters.oidc.provider import OidcProvider, OidcTerms
from comity.adapters.oidc.secret import read_client_secret

__all__ = ["OidcProvider", "OidcTerms", "read_client_secret"]
