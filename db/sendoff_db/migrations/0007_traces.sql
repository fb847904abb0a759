-- The trace that a message was accepted with, where its sender gave one: a traceparent, and behind a blank a tracestate.
ALTER TABLE messages ADD COLUMN trace text;
ALTER TABLE dead_letters ADD COLUMN trace text;
