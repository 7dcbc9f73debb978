import numpy as np
from imageio import imread
from six.moves import cPickle as pickle

raise SystemExit("data is loaded as soon as this is imported")
