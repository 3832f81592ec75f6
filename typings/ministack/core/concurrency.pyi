import threading

esm_wake: threading.Event
