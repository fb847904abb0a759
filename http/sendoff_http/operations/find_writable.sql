-- Gives one row if a message could be stored now: the server takes writes, and this role may insert where they go.
SELECT 1
 WHERE current_setting('transaction_read_only') = 'off'
   AND has_table_privilege('messages', 'INSERT')
   AND has_table_privilege('due', 'INSERT')
