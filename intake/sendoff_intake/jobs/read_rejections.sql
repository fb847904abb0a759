-- Returns the lines that an import has refused, as far as they are listed.
SELECT rejections FROM jobs WHERE id = %(id)s
