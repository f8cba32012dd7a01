"""A ticket as a folder that other tools read without ltspec: model code, weights, masks."""
