# SPDX-License-Identifier: MIT
"""tests/e2e/support.py by another name, as there is one here, too; and the way to its neighbours."""
import importlib.util
import os
import sys

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "e2e")
sys.path.append(folder)
spec = importlib.util.spec_from_file_location("e2e_support", os.path.join(folder, "support.py"))
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
PATIENCE_S, home, environment, main, sim, Skip = (module.PATIENCE_S, module.home, module.environment, module.main,
                                                  module.sim, module.Skip)
