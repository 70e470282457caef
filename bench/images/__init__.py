"""From files to pixels: decoding, resizing, caches, downloads and portable copies."""
