-- Run once by the image, as its superuser: Sendoff's own role, which is no superuser, and its database.
\getenv role SENDOFF_ROLE
\getenv password SENDOFF_PASSWORD
CREATE ROLE :"role" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
CREATE DATABASE :"role" OWNER :"role" TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE :"role" FROM PUBLIC;
