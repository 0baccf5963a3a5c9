-- Services vouch for what they store by MD5 as often as by SHA-256.
ALTER TABLE step ADD COLUMN md5 TEXT CHECK (length(md5) = 32);;
