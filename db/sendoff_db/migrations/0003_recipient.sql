-- An index on the recipient gets every new entry at another place: in a table of 4 million messages it took half of the
-- time that accepting takes, and more with each further million. docs/adr/0006 has the figures and what is done instead.
DROP INDEX messages_recipient;
