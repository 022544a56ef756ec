from hypothesis import settings

# The cores are shared: how long one example takes says nothing about the code.
settings.register_profile("shared_cores", deadline=None, max_examples=50)
settings.load_profile("shared_cores")
