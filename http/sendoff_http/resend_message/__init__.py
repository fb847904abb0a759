"""POST /v1/messages/{id}/resend."""
