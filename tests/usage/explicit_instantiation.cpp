// SPDX-License-Identifier: MIT
/// Tables may be instantiated explicitly: what only a temporary must not do is refused where it is done.
#include "posenc/posenc.hpp"

template class posenc::FrequencyTable<float>;
template class posenc::FrequencyTableView<float>;
template class posenc::LearnedTable<float>;
template class posenc::LearnedTableView<float>;
