"""Write the pages of docs/reference/."""

from generate.pages import FOLDER, reference_pages

for name, text in reference_pages().items():
    (FOLDER / name).write_text(text, encoding="utf-8")
