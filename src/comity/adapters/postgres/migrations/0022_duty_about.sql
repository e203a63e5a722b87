-- What a duty's page says beside its leaf, such as whose certification lapses.
-- Source: docs/adr/0045-certifications-that-lapse.md.

ALTER TABLE duty ADD COLUMN about text NOT NULL DEFAULT '';
COMMENT ON COLUMN duty.about IS
    'What the page says beside the leaf: an agency and a day. Never a person.';
