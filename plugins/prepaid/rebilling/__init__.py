"""What another tariff would come to: dry runs over past months, and publishing, which begins with one."""
