"""What another tariff would come to: dry runs over past months, and the publishing of tariffs, which begins with one."""
