"""What several tests share: made-up runs, pictures, zips, page visits."""
