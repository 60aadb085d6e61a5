"""From a folder of labelled photos to the model that functions/predict/model/ holds."""
