-- Returns whether a message of this id range still has to be sent, or was delivered or cancelled so lately
-- that this is still kept.
SELECT EXISTS (SELECT FROM due WHERE message_id >= %(low)s AND message_id < %(high)s)
    OR EXISTS (SELECT FROM retries WHERE message_id >= %(low)s AND message_id < %(high)s)
    OR EXISTS (SELECT FROM deliveries WHERE message_id >= %(low)s AND message_id < %(high)s)
    OR EXISTS (SELECT FROM cancellations WHERE message_id >= %(low)s AND message_id < %(high)s)
