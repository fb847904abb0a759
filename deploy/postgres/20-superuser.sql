-- The superuser is for `docker-compose exec postgres psql -U postgres`, within the container: it has no password.
ALTER ROLE CURRENT_USER PASSWORD NULL;
