"""Takes nothing; gives the core schema of a spec. Made by `make schema`, not by hand."""

from __future__ import annotations

from typing import Any

from decimal import Decimal
from ltspec.language.checks import known_version
from ltspec.language.checks import list_or_mapping
from ltspec.language.checks import named
from ltspec.language.checks import number_or_mapping
from ltspec.language.checks import unique
from ltspec.language.checks import word_or_list
from ltspec.language.checks import word_or_mapping
from ltspec.language.checks import word_or_number
from ltspec.language.duration import Duration
from ltspec.language.duration import validate_absolute
from ltspec.language.duration import validate_duration
from ltspec.language.duration import validate_point
from ltspec.language.view import View

PYDANTIC_CORE = '2.50.4'
"""The version that it was made for; another one may read it otherwise."""

Lenet: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'family': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['lenet']}},
            'widths': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1, 'le': 1000000}], 'variadic_item_index': 0, 'min_length': 1, 'max_length': 64}, 'default': (300, 100)}},
            'init': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['glorot-normal', 'glorot-uniform', 'kaiming-normal', 'kaiming-uniform', 'orthogonal', 'binary']}, 'default': 'glorot-normal'}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Lenet',
    },
    'ref': 'ltspec.language.model.Lenet',
    'cls': View,
}

Lenet5: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'family': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['lenet5']}},
            'init': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['glorot-normal', 'glorot-uniform', 'kaiming-normal', 'kaiming-uniform', 'orthogonal', 'binary']}, 'default': 'kaiming-normal'}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Lenet5',
    },
    'ref': 'ltspec.language.model.Lenet5',
    'cls': View,
}

Conv: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'family': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['conv']}},
            'layers': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': [2, 4, 6]}},
            'init': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['glorot-normal', 'glorot-uniform', 'kaiming-normal', 'kaiming-uniform', 'orthogonal', 'binary']}, 'default': 'glorot-normal'}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Conv',
    },
    'ref': 'ltspec.language.model.Conv',
    'cls': View,
}

CifarVgg: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'family': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['cifar-vgg']}},
            'depth': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': [11, 13, 16, 19]}},
            'classifier': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'int', 'ge': 1, 'le': 100}, 'default': 1}},
            'init': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['glorot-normal', 'glorot-uniform', 'kaiming-normal', 'kaiming-uniform', 'orthogonal', 'binary']}, 'default': 'kaiming-normal'}},
            'norm_scale': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['uniform', 'one']}, 'default': 'uniform'}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'CifarVgg',
    },
    'ref': 'ltspec.language.model.CifarVgg',
    'cls': View,
}

CifarResnet: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'family': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['cifar-resnet']}},
            'depth': {'type': 'model-field', 'schema': {'type': 'int', 'ge': 8, 'le': 2000}},
            'width': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'int', 'ge': 1, 'le': 4096}, 'default': 16}},
            'init': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['glorot-normal', 'glorot-uniform', 'kaiming-normal', 'kaiming-uniform', 'orthogonal', 'binary']}, 'default': 'kaiming-normal'}},
            'norm_scale': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['uniform', 'one']}, 'default': 'uniform'}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'CifarResnet',
    },
    'ref': 'ltspec.language.model.CifarResnet',
    'cls': View,
}

ImagenetResnet: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'family': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['imagenet-resnet']}},
            'depth': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': [18, 26, 34, 50, 101, 152]}},
            'width': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'int', 'ge': 1, 'le': 4096}, 'default': 64}},
            'stem': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['imagenet', 'cifar']}, 'default': 'imagenet'}},
            'init': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['glorot-normal', 'glorot-uniform', 'kaiming-normal', 'kaiming-uniform', 'orthogonal', 'binary']}, 'default': 'kaiming-normal'}},
            'norm_scale': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['uniform', 'one']}, 'default': 'uniform'}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'ImagenetResnet',
    },
    'ref': 'ltspec.language.model.ImagenetResnet',
    'cls': View,
}

MobilenetV1: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'family': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['mobilenet-v1']}},
            'blocks': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'int', 'ge': 1, 'le': 100}, 'default': 5}},
            'init': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['glorot-normal', 'glorot-uniform', 'kaiming-normal', 'kaiming-uniform', 'orthogonal', 'binary']}, 'default': 'kaiming-normal'}},
            'norm_scale': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['uniform', 'one']}, 'default': 'uniform'}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'MobilenetV1',
    },
    'ref': 'ltspec.language.model.MobilenetV1',
    'cls': View,
}

Custom: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'family': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['custom']}},
            'function': {'type': 'model-field', 'schema': {'type': 'str'}},
            'options': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'dict', 'keys_schema': {'type': 'str'}, 'values_schema': {'type': 'any'}}, 'default_factory': dict, 'default_factory_takes_data': False}},
            'init': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['glorot-normal', 'glorot-uniform', 'kaiming-normal', 'kaiming-uniform', 'orthogonal', 'binary']}, 'default': 'kaiming-normal'}},
            'norm_scale': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['uniform', 'one']}, 'default': 'uniform'}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Custom',
    },
    'ref': 'ltspec.language.model.Custom',
    'cls': View,
}

Pretrain: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'data': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.data.Data'}}, 'default': None}},
            'train': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.train.Train'}}, 'default': None}},
            'weights': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'str', 'min_length': 1}}, 'default': None}},
            'classifier': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'literal', 'expected': ['carried', 'fresh']}}, 'default': None}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Pretrain',
    },
    'ref': 'ltspec.language.pretrain.Pretrain',
    'cls': View,
}

Iterative: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'name': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['iterative']}},
            'levels': {'type': 'model-field', 'schema': {'type': 'int', 'ge': 1, 'le': 1000}},
            'fraction': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'gt': 0, 'lt': 1}, 'default': 0.2}},
            'rates': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'dict', 'keys_schema': {'type': 'str', 'pattern': '^.+$'}, 'values_schema': {'type': 'float', 'gt': 0, 'le': 1}}, 'default_factory': dict, 'default_factory_takes_data': False}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Iterative',
    },
    'ref': 'ltspec.language.prune.Iterative',
    'cls': View,
}

ToDensity: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'name': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['to-density']}},
            'density': {'type': 'model-field', 'schema': {'type': 'float', 'gt': 0, 'lt': 1}},
            'fraction': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'gt': 0, 'lt': 1}, 'default': 0.2}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'ToDensity',
    },
    'ref': 'ltspec.language.prune.ToDensity',
    'cls': View,
}

OneShot: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'name': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['one-shot']}},
            'density': {'type': 'model-field', 'schema': {'type': 'float', 'gt': 0, 'lt': 1}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'OneShot',
    },
    'ref': 'ltspec.language.prune.OneShot',
    'cls': View,
}

GradualTo: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'name': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['gradual']}},
            'initial': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'gt': 0, 'le': 1}, 'default': 1.0}},
            'power': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'int', 'ge': 1, 'le': 10}, 'default': 3}},
            'every': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}, 'default': Duration(iterations=100)}},
            'begin': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}, 'default': Duration()}},
            'until': {'type': 'model-field', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}},
            'density': {'type': 'model-field', 'schema': {'type': 'float', 'gt': 0, 'lt': 1}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'GradualTo',
    },
    'ref': 'ltspec.language.dynamic.GradualTo',
    'cls': View,
}

SetAt: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'name': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['set']}},
            'fraction': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'gt': 0, 'lt': 1}, 'default': 0.3}},
            'decay': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['constant', 'cosine']}, 'default': 'constant'}},
            'end_fraction': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'ge': 0, 'lt': 1}, 'default': 0.0}},
            'layers': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['erk', 'uniform']}, 'default': 'erk'}},
            'every': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}, 'default': Duration(epochs=1)}},
            'begin': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}}, 'default': None}},
            'until': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}, 'default': Duration(percent=Decimal('1E+2'))}},
            'density': {'type': 'model-field', 'schema': {'type': 'float', 'gt': 0, 'lt': 1}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'SetAt',
    },
    'ref': 'ltspec.language.dynamic.SetAt',
    'cls': View,
}

RiglAt: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'name': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['rigl']}},
            'fraction': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'gt': 0, 'lt': 1}, 'default': 0.3}},
            'decay': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['constant', 'cosine']}, 'default': 'cosine'}},
            'end_fraction': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'ge': 0, 'lt': 1}, 'default': 0.0}},
            'layers': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['erk', 'uniform']}, 'default': 'erk'}},
            'every': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}, 'default': Duration(iterations=100)}},
            'begin': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}, 'default': Duration()}},
            'until': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}, 'default': Duration(percent=Decimal('75'))}},
            'density': {'type': 'model-field', 'schema': {'type': 'float', 'gt': 0, 'lt': 1}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'RiglAt',
    },
    'ref': 'ltspec.language.dynamic.RiglAt',
    'cls': View,
}

Repel: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'strength': {'type': 'model-field', 'schema': {'type': 'float', 'ge': -1e+38, 'le': 1e+38}},
            'memory': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['all', 'last']}, 'default': 'all'}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Repel',
    },
    'ref': 'ltspec.language.prune.Repel',
    'cls': View,
}

Prune: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'criterion': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-before', 'function': {'type': 'no-info', 'function': named}, 'schema': {'type': 'tagged-union', 'choices': {'magnitude': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.criteria.Magnitude'}, 'random': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.criteria.Random'}, 'snip': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.criteria.Snip'}, 'grasp': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.criteria.Grasp'}, 'synflow': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.criteria.SynFlow'}}, 'discriminator': 'name', 'strict': False, 'from_attributes': True}}, 'default': View(name='magnitude', at='end', invert=False)}},
            'scope': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['global', 'layer', 'erk']}, 'default': 'global'}},
            'schedule': {'type': 'model-field', 'schema': {'type': 'tagged-union', 'choices': {'iterative': Iterative, 'to-density': ToDensity, 'one-shot': OneShot, 'gradual': GradualTo, 'set': SetAt, 'rigl': RiglAt}, 'discriminator': 'name', 'strict': False, 'from_attributes': True}},
            'rewind': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'mapping': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.prune.Rewind'}, 'word': {'type': 'literal', 'expected': ['none']}}, 'discriminator': word_or_mapping, 'custom_error_type': 'LT103', 'custom_error_message': 'expected a mapping such as {to: 2000it}, or the word none'}, 'default': View(to=Duration(), weights=None, schedule=None, retrain=None)}},
            'repel': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': Repel}, 'default': None}},
            'exempt': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tuple', 'items_schema': [{'type': 'str', 'min_length': 1}], 'variadic_item_index': 0}, 'default': ()}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Prune',
    },
    'ref': 'ltspec.language.prune.Prune',
    'cls': View,
}

Reinitialize: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['reinitialize']}},
            'levels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1}], 'variadic_item_index': 0, 'min_length': 1}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [5, 10]'}, 'default': 'all'}},
            'draw': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'int', 'ge': 1, 'le': 1000000}, 'default': 1}},
            'same_sign': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'bool'}, 'default': False}},
            'repel': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'bool'}, 'default': True}},
            'schedule': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}}, 'default': None}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Reinitialize',
    },
    'ref': 'ltspec.language.branches.Reinitialize',
    'cls': View,
}

ShuffleMask: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['shuffle-mask']}},
            'levels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1}], 'variadic_item_index': 0, 'min_length': 1}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [5, 10]'}, 'default': 'all'}},
            'within': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['layer', 'all']}, 'default': 'layer'}},
            'like': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'str', 'min_length': 1}}, 'default': None}},
            'draw': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'int', 'ge': 1, 'le': 1000000}, 'default': 1}},
            'repel': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'bool'}, 'default': True}},
            'schedule': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}}, 'default': None}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'ShuffleMask',
    },
    'ref': 'ltspec.language.branches.ShuffleMask',
    'cls': View,
}

RandomMask: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['random-mask']}},
            'levels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1}], 'variadic_item_index': 0, 'min_length': 1}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [5, 10]'}, 'default': 'all'}},
            'layers': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['erk', 'uniform']}, 'default': 'erk'}},
            'like': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'str', 'min_length': 1}}, 'default': None}},
            'draw': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'int', 'ge': 1, 'le': 1000000}, 'default': 1}},
            'repel': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'bool'}, 'default': True}},
            'schedule': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}}, 'default': None}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'RandomMask',
    },
    'ref': 'ltspec.language.branches.RandomMask',
    'cls': View,
}

Perturb: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['perturb']}},
            'levels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1}], 'variadic_item_index': 0, 'min_length': 1}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [5, 10]'}, 'default': 'all'}},
            'noise': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'float', 'gt': 0, 'le': 1e+38}}, 'default': None}},
            'permute': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'literal', 'expected': ['layer', 'filters']}}, 'default': None}},
            'draw': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'int', 'ge': 1, 'le': 1000000}, 'default': 1}},
            'repel': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'bool'}, 'default': True}},
            'schedule': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}}, 'default': None}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Perturb',
    },
    'ref': 'ltspec.language.branches.Perturb',
    'cls': View,
}

PruneOtherwise: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['prune']}},
            'levels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1}], 'variadic_item_index': 0, 'min_length': 1}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [5, 10]'}, 'default': 'all'}},
            'criterion': {'type': 'model-field', 'schema': {'type': 'function-before', 'function': {'type': 'no-info', 'function': named}, 'schema': {'type': 'tagged-union', 'choices': {'magnitude': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.criteria.Magnitude'}, 'random': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.criteria.Random'}, 'snip': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.criteria.Snip'}, 'grasp': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.criteria.Grasp'}, 'synflow': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.criteria.SynFlow'}}, 'discriminator': 'name', 'strict': False, 'from_attributes': True}}},
            'scope': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'literal', 'expected': ['global', 'layer', 'erk']}}, 'default': None}},
            'like': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'str', 'min_length': 1}}, 'default': None}},
            'weights': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['ticket', 'scored']}, 'default': 'ticket'}},
            'repel': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'bool'}, 'default': True}},
            'schedule': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}}, 'default': None}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'PruneOtherwise',
    },
    'ref': 'ltspec.language.branches.PruneOtherwise',
    'cls': View,
}

OtherMask: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'branch': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'str', 'min_length': 1}}, 'default': None}},
            'replicate': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['same', 'next']}, 'default': 'same'}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'OtherMask',
    },
    'ref': 'ltspec.language.branches.OtherMask',
    'cls': View,
}

CombineMasks: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['combine-masks']}},
            'levels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1}], 'variadic_item_index': 0, 'min_length': 1}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [5, 10]'}, 'default': 'all'}},
            'operator': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['intersect', 'union']}},
            'other': {'type': 'model-field', 'schema': OtherMask},
            'repel': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'bool'}, 'default': True}},
            'schedule': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}}, 'default': None}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'CombineMasks',
    },
    'ref': 'ltspec.language.branches.CombineMasks',
    'cls': View,
}

Retrain: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['retrain']}},
            'levels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1}], 'variadic_item_index': 0, 'min_length': 1}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [5, 10]'}, 'default': 'all'}},
            'train': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.train.Train'}}, 'default': None}},
            'data': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.data.Data'}}, 'default': None}},
            'ticket': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'str', 'min_length': 1}}, 'default': None}},
            'repel': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'bool'}, 'default': True}},
            'schedule': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}}, 'default': None}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Retrain',
    },
    'ref': 'ltspec.language.branches.Retrain',
    'cls': View,
}

RewindApart: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['rewind']}},
            'levels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1}], 'variadic_item_index': 0, 'min_length': 1}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [5, 10]'}, 'default': 'all'}},
            'rewind': {'type': 'model-field', 'schema': {'type': 'tagged-union', 'choices': {'mapping': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.prune.Rewind'}, 'word': {'type': 'literal', 'expected': ['none']}}, 'discriminator': word_or_mapping, 'custom_error_type': 'LT103', 'custom_error_message': 'expected a mapping such as {to: 2000it}, or the word none'}},
            'repel': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'bool'}, 'default': True}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'RewindApart',
    },
    'ref': 'ltspec.language.branches.RewindApart',
    'cls': View,
}

OtherSeed: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['other-seed']}},
            'levels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1}], 'variadic_item_index': 0, 'min_length': 1}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [5, 10]'}, 'default': 'all'}},
            'repel': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'bool'}, 'default': True}},
            'schedule': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}}, 'default': None}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'OtherSeed',
    },
    'ref': 'ltspec.language.branches.OtherSeed',
    'cls': View,
}

Gradual: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'name': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['gradual']}},
            'initial': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'gt': 0, 'le': 1}, 'default': 1.0}},
            'power': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'int', 'ge': 1, 'le': 10}, 'default': 3}},
            'every': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}, 'default': Duration(iterations=100)}},
            'begin': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}, 'default': Duration()}},
            'until': {'type': 'model-field', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Gradual',
    },
    'ref': 'ltspec.language.dynamic.Gradual',
    'cls': View,
}

Set: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'name': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['set']}},
            'fraction': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'gt': 0, 'lt': 1}, 'default': 0.3}},
            'decay': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['constant', 'cosine']}, 'default': 'constant'}},
            'end_fraction': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'ge': 0, 'lt': 1}, 'default': 0.0}},
            'layers': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['erk', 'uniform']}, 'default': 'erk'}},
            'every': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}, 'default': Duration(epochs=1)}},
            'begin': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}}, 'default': None}},
            'until': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}, 'default': Duration(percent=Decimal('1E+2'))}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Set',
    },
    'ref': 'ltspec.language.dynamic.Set',
    'cls': View,
}

Rigl: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'name': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['rigl']}},
            'fraction': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'gt': 0, 'lt': 1}, 'default': 0.3}},
            'decay': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['constant', 'cosine']}, 'default': 'cosine'}},
            'end_fraction': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'ge': 0, 'lt': 1}, 'default': 0.0}},
            'layers': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['erk', 'uniform']}, 'default': 'erk'}},
            'every': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}, 'default': Duration(iterations=100)}},
            'begin': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}, 'default': Duration()}},
            'until': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}, 'default': Duration(percent=Decimal('75'))}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Rigl',
    },
    'ref': 'ltspec.language.dynamic.Rigl',
    'cls': View,
}

DynamicMask: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['dynamic']}},
            'levels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1}], 'variadic_item_index': 0, 'min_length': 1}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [5, 10]'}, 'default': 'all'}},
            'schedule': {'type': 'model-field', 'schema': {'type': 'tagged-union', 'choices': {'gradual': Gradual, 'set': Set, 'rigl': Rigl}, 'discriminator': 'name', 'strict': False, 'from_attributes': True}},
            'train': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.train.Train'}}, 'default': None}},
            'draw': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'int', 'ge': 1, 'le': 1000000}, 'default': 1}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'DynamicMask',
    },
    'ref': 'ltspec.language.branches.DynamicMask',
    'cls': View,
}

Origin: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'ticket': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'str', 'min_length': 1}}, 'default': None}},
            'spec': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'str', 'min_length': 1}}, 'default': None}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Origin',
    },
    'ref': 'ltspec.language.elastic.Origin',
    'cls': View,
}

Target: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'depth': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'int', 'ge': 8, 'le': 2000}}, 'default': None}},
            'widths': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1, 'le': 1000000}], 'variadic_item_index': 0, 'min_length': 1, 'max_length': 64}}, 'default': None}},
            'classifier': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'int', 'ge': 1, 'le': 100}}, 'default': None}},
            'blocks': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'int', 'ge': 1, 'le': 100}}, 'default': None}},
            'options': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'dict', 'keys_schema': {'type': 'str'}, 'values_schema': {'type': 'any'}}}, 'default': None}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Target',
    },
    'ref': 'ltspec.language.elastic.Target',
    'cls': View,
}

Transfer: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['transfer']}},
            'levels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1}], 'variadic_item_index': 0, 'min_length': 1}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [5, 10]'}, 'default': 'all'}},
            'origin': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': Origin}, 'default': None}, 'validation_alias': 'from', 'serialization_alias': 'from'},
            'to': {'type': 'model-field', 'schema': {'type': 'default', 'schema': Target, 'default': View(depth=None, widths=None, classifier=None, blocks=None, options=None)}},
            'map': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'tagged-union', 'choices': {'mapping': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.elastic.Map'}, 'word': {'type': 'literal', 'expected': ['append', 'interpolate', 'first', 'last', 'spaced']}}, 'discriminator': word_or_mapping, 'custom_error_type': 'LT103', 'custom_error_message': 'expected a word such as append, or a mapping such as {keep: [1, 3]}'}}, 'default': None}},
            'weights': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['mapped', 'fresh', 'own']}, 'default': 'mapped'}},
            'mask': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['mapped', 'shuffled', 'shuffled-all', 'shuffled-copies', 'random-uniform', 'random-erk', 'dense']}, 'mapping': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.branches.MaskThere'}}, 'discriminator': word_or_mapping, 'custom_error_type': 'LT103', 'custom_error_message': 'expected a word such as mapped, or a mapping such as {criterion: snip}'}, 'default': 'mapped'}},
            'classifier': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['carried', 'fresh']}, 'default': 'carried'}},
            'controls': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'literal', 'expected': ['imp', 'random', 'shuffled', 'reinit', 'magnitude', 'snip', 'grasp']}], 'variadic_item_index': 0}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [imp, random]'}, 'default': ()}},
            'draw': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'int', 'ge': 1, 'le': 1000000}, 'default': 1}},
            'train': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.train.Train'}}, 'default': None}},
            'data': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.data.Data'}}, 'default': None}},
            'schedule': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}}, 'default': None}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Transfer',
    },
    'ref': 'ltspec.language.branches.Transfer',
    'cls': View,
}

Instability: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['instability']}},
            'of': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'str'}], 'variadic_item_index': 0, 'min_length': 1}}, 'default': ('ticket',)}},
            'levels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 0}], 'variadic_item_index': 0, 'min_length': 1}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [5, 10]'}, 'default': 'all'}},
            'at': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}], 'variadic_item_index': 0, 'min_length': 1}}}, 'default': None}},
            'siblings': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'int', 'ge': 2, 'le': 20}, 'default': 3}},
            'alphas': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'int', 'ge': 3, 'le': 1000}, 'default': 30}},
            'error': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'literal', 'expected': ['test', 'train']}], 'variadic_item_index': 0, 'min_length': 1}}, 'default': ('test',)}},
            'batchnorm': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['interpolate', 'recalibrate']}, 'default': 'interpolate'}},
            'batches': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'int', 'ge': 1, 'le': 100000}}, 'default': None}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Instability',
    },
    'ref': 'ltspec.language.measure.Instability',
    'cls': View,
}

Barrier: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['barrier']}},
            'between': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['successive', 'replicates']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'str'}], 'variadic_item_index': 0, 'min_length': 2, 'max_length': 2}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected successive, replicates, or two lines such as [ticket, reinit]'}, 'default': 'successive'}},
            'of': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'str'}], 'variadic_item_index': 0, 'min_length': 1}}}, 'default': None}},
            'levels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 0}], 'variadic_item_index': 0, 'min_length': 1}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [5, 10]'}, 'default': 'all'}},
            'alphas': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'int', 'ge': 3, 'le': 1000}, 'default': 20}},
            'reach': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'ge': 0, 'le': 2}, 'default': 0.0}},
            'error': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'literal', 'expected': ['test', 'train']}], 'variadic_item_index': 0, 'min_length': 1}}, 'default': ('train',)}},
            'batchnorm': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['interpolate', 'recalibrate']}, 'default': 'interpolate'}},
            'batches': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'int', 'ge': 1, 'le': 100000}}, 'default': None}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Barrier',
    },
    'ref': 'ltspec.language.paired.Barrier',
    'cls': View,
}

Function: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['function']}},
            'between': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['siblings', 'successive', 'replicates']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'str'}], 'variadic_item_index': 0, 'min_length': 2, 'max_length': 2}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected siblings, successive, replicates, or two lines such as [dense, ticket]'}, 'default': 'siblings'}},
            'of': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'str'}], 'variadic_item_index': 0, 'min_length': 1}}}, 'default': None}},
            'levels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 0}], 'variadic_item_index': 0, 'min_length': 1}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [5, 10]'}, 'default': 'all'}},
            'at': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}], 'variadic_item_index': 0, 'min_length': 1}}}, 'default': None}},
            'siblings': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'int', 'ge': 2, 'le': 20}}, 'default': None}},
            'on': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'literal', 'expected': ['test', 'train']}], 'variadic_item_index': 0, 'min_length': 1}}, 'default': ('test',)}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Function',
    },
    'ref': 'ltspec.language.paired.Function',
    'cls': View,
}

Stability: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['stability']}},
            'of': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'str'}], 'variadic_item_index': 0, 'min_length': 1}}, 'default': ('ticket',)}},
            'levels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1}], 'variadic_item_index': 0, 'min_length': 1}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [5, 10]'}, 'default': 'all'}},
            'to': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'literal', 'expected': ['pruning', 'data-order']}], 'variadic_item_index': 0, 'min_length': 1}}, 'default': ('pruning', 'data-order')}},
            'siblings': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'int', 'ge': 2, 'le': 20}}, 'default': None}},
            'metrics': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'literal', 'expected': ['l2', 'angle', 'cosine', 'angular']}], 'variadic_item_index': 0, 'min_length': 1}}, 'default': ('l2', 'angle')}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Stability',
    },
    'ref': 'ltspec.language.compared.Stability',
    'cls': View,
}

Distance: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['distance']}},
            'of': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'str'}], 'variadic_item_index': 0, 'min_length': 1}}, 'default': ('ticket',)}},
            'levels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 0}], 'variadic_item_index': 0, 'min_length': 1}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [5, 10]'}, 'default': 'all'}},
            'init': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'bool'}, 'default': True}},
            'metrics': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'literal', 'expected': ['l2', 'angle', 'cosine', 'angular']}], 'variadic_item_index': 0, 'min_length': 1}}, 'default': ('angular',)}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Distance',
    },
    'ref': 'ltspec.language.compared.Distance',
    'cls': View,
}

Travelled: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['travelled']}},
            'of': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'str'}], 'variadic_item_index': 0, 'min_length': 1}}, 'default': ('ticket',)}},
            'levels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 0}], 'variadic_item_index': 0, 'min_length': 1}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [5, 10]'}, 'default': 'all'}},
            'at': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}], 'variadic_item_index': 0, 'min_length': 1}}}, 'default': None}},
            'siblings': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'int', 'ge': 2, 'le': 20}}, 'default': None}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Travelled',
    },
    'ref': 'ltspec.language.compared.Travelled',
    'cls': View,
}

Overlap: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['overlap']}},
            'of': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'str'}], 'variadic_item_index': 0, 'min_length': 1}}, 'default': ('ticket',)}},
            'levels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1}], 'variadic_item_index': 0, 'min_length': 1}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [5, 10]'}, 'default': 'all'}},
            'between': {'type': 'model-field', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'literal', 'expected': ['lines', 'levels', 'replicates']}], 'variadic_item_index': 0, 'min_length': 1}}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Overlap',
    },
    'ref': 'ltspec.language.compared.Overlap',
    'cls': View,
}

Weights: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['weights']}},
            'of': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'str'}], 'variadic_item_index': 0, 'min_length': 1}}, 'default': ('ticket',)}},
            'levels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 0}], 'variadic_item_index': 0, 'min_length': 1}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [5, 10]'}, 'default': 'all'}},
            'bins': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'int', 'ge': 1, 'le': 10000}, 'default': 50}},
            'limit': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'float', 'gt': 0}}, 'default': None}},
            'percentiles': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'float', 'ge': 0, 'le': 100}], 'variadic_item_index': 0, 'min_length': 1}}, 'default': (5, 25, 50, 75, 95)}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Weights',
    },
    'ref': 'ltspec.language.compared.Weights',
    'cls': View,
}

Threshold: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['threshold']}},
            'levels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1}], 'variadic_item_index': 0, 'min_length': 1}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [5, 10]'}, 'default': 'all'}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Threshold',
    },
    'ref': 'ltspec.language.compared.Threshold',
    'cls': View,
}

FirstStable: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['first-stable']}},
            'over': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['rewind', 'pretrain']}, 'default': 'rewind'}},
            'of': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'str'}], 'variadic_item_index': 0, 'min_length': 1}}, 'default': ('ticket',)}},
            'levels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1}], 'variadic_item_index': 0, 'min_length': 1}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [5, 10]'}, 'default': 'all'}},
            'below': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'gt': 0, 'le': 100}, 'default': 2.0}},
            'error': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['test', 'train']}, 'default': 'test'}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'FirstStable',
    },
    'ref': 'ltspec.language.ask.FirstStable',
    'cls': View,
}

FirstMatching: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['first-matching']}},
            'over': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['rewind', 'pretrain']}, 'default': 'rewind'}},
            'of': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'str'}], 'variadic_item_index': 0, 'min_length': 1}}, 'default': ('ticket',)}},
            'levels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'word': {'type': 'literal', 'expected': ['all']}, 'list': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1}], 'variadic_item_index': 0, 'min_length': 1}}}, 'discriminator': word_or_list, 'custom_error_type': 'LT103', 'custom_error_message': 'expected the word all, or a list such as [5, 10]'}, 'default': 'all'}},
            'within': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'ge': 0, 'le': 100}, 'default': 0.2}},
            'on': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['test', 'train']}, 'default': 'test'}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'FirstMatching',
    },
    'ref': 'ltspec.language.ask.FirstMatching',
    'cls': View,
}

SparsestMatching: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['sparsest-matching']}},
            'of': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'str'}], 'variadic_item_index': 0, 'min_length': 1}}, 'default': ('ticket',)}},
            'within': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'ge': 0, 'le': 100}, 'default': 0.2}},
            'on': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['test', 'train']}, 'default': 'test'}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'SparsestMatching',
    },
    'ref': 'ltspec.language.ask.SparsestMatching',
    'cls': View,
}

Area: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'kind': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['area']}},
            'between': {'type': 'model-field', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'str'}], 'variadic_item_index': 0, 'min_length': 2, 'max_length': 2}}},
            'on': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['test', 'train']}, 'default': 'test'}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Area',
    },
    'ref': 'ltspec.language.ask.Area',
    'cls': View,
}

Spec: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'ltspec': {'type': 'model-field', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': known_version}, 'schema': {'type': 'int'}}},
            'name': {'type': 'model-field', 'schema': {'type': 'str', 'max_length': 80, 'pattern': '^[a-z0-9][a-z0-9._-]*$'}},
            'about': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'str'}, 'default': ''}},
            'preset': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'str'}}, 'default': None}},
            'model': {'type': 'model-field', 'schema': {'type': 'tagged-union', 'choices': {'lenet': Lenet, 'lenet5': Lenet5, 'conv': Conv, 'cifar-vgg': CifarVgg, 'cifar-resnet': CifarResnet, 'imagenet-resnet': ImagenetResnet, 'mobilenet-v1': MobilenetV1, 'custom': Custom}, 'discriminator': 'family', 'strict': False, 'from_attributes': True}},
            'data': {'type': 'model-field', 'schema': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.data.Data'}},
            'train': {'type': 'model-field', 'schema': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.train.Train'}},
            'pretrain': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': Pretrain}, 'default': None}},
            'prune': {'type': 'model-field', 'schema': Prune},
            'replicates': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'int', 'ge': 1, 'le': 10000}}, 'default': None}},
            'seeds': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'tuple', 'items_schema': [{'type': 'tagged-union', 'choices': {'number': {'type': 'int', 'ge': 0, 'le': 4294967295}, 'mapping': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.spec.Seeds'}}, 'discriminator': number_or_mapping}], 'variadic_item_index': 0, 'min_length': 1, 'max_length': 10000}}, 'default': None}},
            'branches': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'dict', 'keys_schema': {'type': 'str', 'max_length': 80, 'pattern': '^[a-z0-9][a-z0-9_-]*$'}, 'values_schema': {'type': 'tagged-union', 'choices': {'reinitialize': Reinitialize, 'shuffle-mask': ShuffleMask, 'random-mask': RandomMask, 'perturb': Perturb, 'prune': PruneOtherwise, 'combine-masks': CombineMasks, 'retrain': Retrain, 'rewind': RewindApart, 'other-seed': OtherSeed, 'dynamic': DynamicMask, 'transfer': Transfer}, 'discriminator': 'kind', 'strict': False, 'from_attributes': True}}, 'default_factory': dict, 'default_factory_takes_data': False}},
            'measure': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tuple', 'items_schema': [{'type': 'tagged-union', 'choices': {'instability': Instability, 'barrier': Barrier, 'function': Function, 'stability': Stability, 'distance': Distance, 'travelled': Travelled, 'overlap': Overlap, 'weights': Weights, 'threshold': Threshold}, 'discriminator': 'kind', 'strict': False, 'from_attributes': True}], 'variadic_item_index': 0}, 'default': ()}},
            'ask': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tuple', 'items_schema': [{'type': 'tagged-union', 'choices': {'first-stable': FirstStable, 'first-matching': FirstMatching, 'sparsest-matching': SparsestMatching, 'area': Area}, 'discriminator': 'kind', 'strict': False, 'from_attributes': True}], 'variadic_item_index': 0}, 'default': ()}},
            'evaluate': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'literal', 'expected': ['test', 'train']}], 'variadic_item_index': 0, 'min_length': 1}}, 'default': ('test',)}},
            'sweep': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'dict', 'keys_schema': {'type': 'str'}, 'values_schema': {'type': 'tagged-union', 'choices': {'list': {'type': 'tuple', 'items_schema': [{'type': 'any'}], 'variadic_item_index': 0, 'min_length': 1}, 'mapping': {'type': 'dict', 'keys_schema': {'type': 'str'}, 'values_schema': {'type': 'tagged-union', 'choices': {'list': {'type': 'tuple', 'items_schema': [{'type': 'any'}], 'variadic_item_index': 0, 'min_length': 1}, 'mapping': {'type': 'dict', 'keys_schema': {'type': 'str'}, 'values_schema': {'type': 'any'}}}, 'discriminator': list_or_mapping, 'custom_error_type': 'LT103', 'custom_error_message': 'expected a list of values, or a mapping of keys and their values'}, 'min_length': 1}}, 'discriminator': list_or_mapping, 'custom_error_type': 'LT103', 'custom_error_message': 'expected a list of values such as [0it, 500it], or a mapping'}}, 'default_factory': dict, 'default_factory_takes_data': False}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Spec',
    },
    'ref': 'ltspec.language.spec.Spec',
    'cls': View,
}

Data: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'name': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['cifar10', 'cifar100', 'digits', 'fashion-mnist', 'folder', 'imagenet', 'mnist', 'svhn']}},
            'path': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'str', 'min_length': 1}}, 'default': None}},
            'size': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'int', 'ge': 8, 'le': 1024}}, 'default': None}},
            'shorter_side': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'int', 'ge': 8, 'le': 2048}}, 'default': None}},
            'augment': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['none', 'flip', 'crop', 'crop-flip', 'resized-crop-flip']}, 'default': 'none'}},
            'random_labels': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'ge': 0, 'le': 1}, 'default': 0.0}},
            'blur': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'int', 'ge': 1, 'le': 64}, 'default': 1}},
            'subsample': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'gt': 0, 'le': 1}, 'default': 1.0}},
            'rotation': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'bool'}, 'default': False}},
            'seed': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'int', 'ge': 0, 'le': 4294967295}, 'default': 0}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Data',
    },
    'ref': 'ltspec.language.data.Data',
    'cls': View,
}

Sgd: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'name': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['sgd']}},
            'lr': {'type': 'model-field', 'schema': {'type': 'float', 'gt': 0, 'le': 1e+38}},
            'momentum': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'ge': 0, 'lt': 1}, 'default': 0.0}},
            'nesterov': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'bool'}, 'default': False}},
            'weight_decay': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'ge': 0, 'le': 1e+38}, 'default': 0.0}},
            'decay': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['all', 'weights']}, 'default': 'all'}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Sgd',
    },
    'ref': 'ltspec.language.train.Sgd',
    'cls': View,
}

Adam: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'name': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['adam']}},
            'lr': {'type': 'model-field', 'schema': {'type': 'float', 'gt': 0, 'le': 1e+38}},
            'beta1': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'ge': 0, 'lt': 1}, 'default': 0.9}},
            'beta2': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'ge': 0, 'lt': 1}, 'default': 0.999}},
            'epsilon': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'ge': 1e-37, 'le': 1e+38}, 'default': 1e-08}},
            'weight_decay': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'ge': 0, 'le': 1e+38}, 'default': 0.0}},
            'decay': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['all', 'weights']}, 'default': 'all'}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Adam',
    },
    'ref': 'ltspec.language.train.Adam',
    'cls': View,
}

Constant: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'name': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['constant']}},
            'warmup': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}, 'default': Duration()}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Constant',
    },
    'ref': 'ltspec.language.train.Constant',
    'cls': View,
}

Step: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'name': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['step']}},
            'drops': {'type': 'model-field', 'schema': {'type': 'tuple', 'items_schema': [{'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}], 'variadic_item_index': 0, 'min_length': 1}},
            'factor': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'gt': 0, 'le': 1}, 'default': 0.1}},
            'warmup': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}, 'default': Duration()}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Step',
    },
    'ref': 'ltspec.language.train.Step',
    'cls': View,
}

Linear: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'name': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['linear']}},
            'end_lr': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'ge': 0, 'le': 1e+38}, 'default': 0.0}},
            'warmup': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}, 'default': Duration()}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Linear',
    },
    'ref': 'ltspec.language.train.Linear',
    'cls': View,
}

Cosine: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'name': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['cosine']}},
            'end_lr': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'ge': 0, 'le': 1e+38}, 'default': 0.0}},
            'warmup': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}, 'default': Duration()}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Cosine',
    },
    'ref': 'ltspec.language.train.Cosine',
    'cls': View,
}

Train: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'duration': {'type': 'model-field', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_absolute}}},
            'batch_size': {'type': 'model-field', 'schema': {'type': 'int', 'ge': 1}},
            'optimizer': {'type': 'model-field', 'schema': {'type': 'tagged-union', 'choices': {'sgd': Sgd, 'adam': Adam}, 'discriminator': 'name', 'strict': False, 'from_attributes': True}},
            'lr_schedule': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'constant': Constant, 'step': Step, 'linear': Linear, 'cosine': Cosine}, 'discriminator': 'name', 'strict': False, 'from_attributes': True}, 'default': View(name='constant', warmup=Duration())}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Train',
    },
    'ref': 'ltspec.language.train.Train',
    'cls': View,
}

Magnitude: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'name': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['magnitude']}},
            'at': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['init', 'rewind', 'end']}, 'default': 'end'}},
            'invert': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'bool'}, 'default': False}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Magnitude',
    },
    'ref': 'ltspec.language.criteria.Magnitude',
    'cls': View,
}

Random: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'name': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['random']}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Random',
    },
    'ref': 'ltspec.language.criteria.Random',
    'cls': View,
}

Snip: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'name': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['snip']}},
            'at': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['init', 'rewind', 'end']}, 'default': 'init'}},
            'examples': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'number': {'type': 'int', 'ge': 1}, 'word': {'type': 'literal', 'expected': ['all']}}, 'discriminator': word_or_number}, 'default': 128}},
            'mode': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['eval', 'train']}, 'default': 'eval'}},
            'batch_size': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'int', 'ge': 1}}, 'default': None}},
            'rounds': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'int', 'ge': 1, 'le': 10000}, 'default': 1}},
            'invert': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'bool'}, 'default': False}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Snip',
    },
    'ref': 'ltspec.language.criteria.Snip',
    'cls': View,
}

Grasp: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'name': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['grasp']}},
            'rank': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['signed', 'size']}, 'default': 'signed'}},
            'at': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['init', 'rewind', 'end']}, 'default': 'init'}},
            'examples_per_class': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'tagged-union', 'choices': {'number': {'type': 'int', 'ge': 1}, 'word': {'type': 'literal', 'expected': ['all']}}, 'discriminator': word_or_number}, 'default': 10}},
            'temperature': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'float', 'gt': 0, 'le': 1000000.0}, 'default': 200.0}},
            'mode': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['eval', 'train']}, 'default': 'train'}},
            'batch_size': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'int', 'ge': 1}}, 'default': None}},
            'rounds': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'int', 'ge': 1, 'le': 10000}, 'default': 1}},
            'invert': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'bool'}, 'default': False}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Grasp',
    },
    'ref': 'ltspec.language.criteria.Grasp',
    'cls': View,
}

SynFlow: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'name': {'type': 'model-field', 'schema': {'type': 'literal', 'expected': ['synflow']}},
            'at': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'literal', 'expected': ['init', 'rewind', 'end']}, 'default': 'init'}},
            'rounds': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'int', 'ge': 1, 'le': 10000}, 'default': 100}},
            'invert': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'bool'}, 'default': False}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'SynFlow',
    },
    'ref': 'ltspec.language.criteria.SynFlow',
    'cls': View,
}

Rewind: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'to': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}}, 'default': None}},
            'weights': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_point}}}, 'default': None}},
            'schedule': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_point}}}, 'default': None}},
            'retrain': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-plain', 'function': {'type': 'no-info', 'function': validate_duration}}}, 'default': None}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Rewind',
    },
    'ref': 'ltspec.language.prune.Rewind',
    'cls': View,
}

Seeds: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'init': {'type': 'model-field', 'schema': {'type': 'int', 'ge': 0, 'le': 4294967295}},
            'order': {'type': 'model-field', 'schema': {'type': 'int', 'ge': 0, 'le': 4294967295}},
            'mask': {'type': 'model-field', 'schema': {'type': 'int', 'ge': 0, 'le': 4294967295}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Seeds',
    },
    'ref': 'ltspec.language.spec.Seeds',
    'cls': View,
}

Map: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'append': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1, 'le': 10000}], 'variadic_item_index': 0, 'min_length': 1}}}, 'default': None}},
            'interpolate': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1, 'le': 10000}], 'variadic_item_index': 0, 'min_length': 1}}}, 'default': None}},
            'keep': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1, 'le': 10000}], 'variadic_item_index': 0, 'min_length': 1}}}, 'default': None}},
            'blocks': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'dict', 'keys_schema': {'type': 'str', 'pattern': '^block(0|[1-9][0-9]{0,3})$'}, 'values_schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 0, 'le': 10000}], 'variadic_item_index': 0}}}}, 'default': None}},
            'stages': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'dict', 'keys_schema': {'type': 'str', 'pattern': '^stage[1-9][0-9]{0,2}$'}, 'values_schema': {'type': 'tagged-union', 'choices': {'mapping': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.elastic.StageMap'}, 'word': {'type': 'literal', 'expected': ['append', 'interpolate', 'first', 'last', 'spaced']}}, 'discriminator': word_or_mapping, 'custom_error_type': 'LT103', 'custom_error_message': 'expected a word such as append, or a mapping such as {keep: [1, 3]}'}}}, 'default': None}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'Map',
    },
    'ref': 'ltspec.language.elastic.Map',
    'cls': View,
}

StageMap: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'append': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1, 'le': 10000}], 'variadic_item_index': 0, 'min_length': 1}}}, 'default': None}},
            'interpolate': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1, 'le': 10000}], 'variadic_item_index': 0, 'min_length': 1}}}, 'default': None}},
            'keep': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 1, 'le': 10000}], 'variadic_item_index': 0, 'min_length': 1}}}, 'default': None}},
            'blocks': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'dict', 'keys_schema': {'type': 'str', 'pattern': '^block(0|[1-9][0-9]{0,3})$'}, 'values_schema': {'type': 'function-after', 'function': {'type': 'no-info', 'function': unique}, 'schema': {'type': 'tuple', 'items_schema': [{'type': 'int', 'ge': 0, 'le': 10000}], 'variadic_item_index': 0}}}}, 'default': None}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'StageMap',
    },
    'ref': 'ltspec.language.elastic.StageMap',
    'cls': View,
}

MaskThere: Any = {
    'type': 'model',
    'schema': {
        'type': 'model-fields',
        'fields': {
            'criterion': {'type': 'model-field', 'schema': {'type': 'function-before', 'function': {'type': 'no-info', 'function': named}, 'schema': {'type': 'tagged-union', 'choices': {'magnitude': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.criteria.Magnitude'}, 'random': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.criteria.Random'}, 'snip': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.criteria.Snip'}, 'grasp': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.criteria.Grasp'}, 'synflow': {'type': 'definition-ref', 'schema_ref': 'ltspec.language.criteria.SynFlow'}}, 'discriminator': 'name', 'strict': False, 'from_attributes': True}}},
            'scope': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'literal', 'expected': ['global', 'layer', 'erk']}}, 'default': None}},
            'only': {'type': 'model-field', 'schema': {'type': 'default', 'schema': {'type': 'nullable', 'schema': {'type': 'literal', 'expected': ['copies']}}, 'default': None}},
        },
    },
    'config': {
        'extra_fields_behavior': 'forbid',
        'strict': True,
        'title': 'MaskThere',
    },
    'ref': 'ltspec.language.branches.MaskThere',
    'cls': View,
}

SCHEMA: Any = {
    'type': 'definitions',
    'schema': Spec,
    'definitions': [Data, Train, Magnitude, Random, Snip, Grasp, SynFlow, Rewind, Seeds, Map, StageMap, MaskThere],
}
