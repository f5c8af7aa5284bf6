"""Do shared stores keep their contract, whatever happens to their files and to who uses them?"""
