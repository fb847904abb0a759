"""The admin pages at /admin/: a module a page, over what the API does."""
