-- Waits for claims under way and holds back the next ones, so that none commits beside the stop of a customer.
SELECT FROM control_state WHERE scope = 'global' FOR UPDATE
