-- Stores a customer's headers sealed anew, unless they or what they are sealed for were changed meanwhile.
UPDATE customers
   SET headers = %(new)s
 WHERE id = %(id)s AND incarnation = %(incarnation)s AND headers = %(old)s
   AND webhook_url IS NOT DISTINCT FROM %(webhook_url)s
