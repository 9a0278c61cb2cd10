// SPDX-License-Identifier: Apache-2.0
//
// Compiled alone by ctest: as it stands it must be accepted, with one of the macros refused, in the
// words that CMakeLists.txt names.
#include <cstdint>
#include <string>
#include <string_view>

#include "pools/table.h"

using namespace tandem::pools;  // NOLINT(google-build-using-namespace)

struct Bare {
  std::uint64_t value;
  bool operator==(const Bare&) const = default;
};

struct Row {
  std::uint64_t id;
  std::uint64_t group;
  double price;
  const Row* parent;
  const char* name;
  char text[8];
  Bare bare;
  bool open;

  std::uint64_t Touch() { return ++group; }
  std::uint64_t Plus(std::uint64_t more) const { return id + more; }
};

struct Other {
  std::uint64_t id;
};

struct Fixed {
  const std::uint64_t id;
};

struct Owned {
  using IsZoneSafe = void;
  explicit Owned(std::uint64_t the_id) : id(the_id) {}
  ~Owned() {}
  std::uint64_t id;
};

struct Virtual {
  virtual std::uint64_t Run() { return id; }
  std::uint64_t id;
};

struct Heap {
  std::uint64_t id;
  std::string text;
};

using Rows = Table<Row, Hash<&Row::id>, HashMulti<&Row::group>, OrderedMulti<&Row::group, &Row::id>,
                   List<&Row::open>>;

void Use(PoolRef base, Rows& rows, Table<Owned, Hash<&Owned::id>>& owned,
         Table<Fixed, Hash<&Fixed::id>>& fixed, Row& row, Owned& owned_row, Fixed& fixed_row) {
#if defined(TANDEM_TEST_NOTHING)
  (void)rows.Find<&Row::id>(1);
  (void)rows.FindAll<&Row::group>(1);
  (void)rows.By<&Row::group, &Row::id>();
  (void)rows.Rows<&Row::open>();
  (void)rows.Set<&Row::id>(row, 2u);
  (void)rows.Modify(row, [](Row& changed) { changed.id = 3; });
  (void)owned.Set<&Owned::id>(owned_row, 2u);
  (void)fixed.Find<&Fixed::id>(1);
  (void)fixed_row;
  Table<Row, Hash<&Row::parent>, Hash<[](const Row& r) { return r.id + 1; }>> table("table", base);
#elif defined(TANDEM_TEST_VIRTUAL)
  Table<Virtual, Hash<&Virtual::id>> table("table", base);
#elif defined(TANDEM_TEST_STRING)
  Table<Heap, Hash<&Heap::id>> table("table", base);
#elif defined(TANDEM_TEST_NO_INDEX)
  Table<Row, List<&Row::open>> table("table", base);
#elif defined(TANDEM_TEST_NOT_AN_INDEX)
  Table<Row, int> table("table", base);
#elif defined(TANDEM_TEST_TWICE)
  Table<Row, Hash<&Row::id>, Hash<&Row::id>> table("table", base);
#elif defined(TANDEM_TEST_NO_KEY)
  Table<Row, Hash<>> table("table", base);
#elif defined(TANDEM_TEST_OTHER_TYPE)
  Table<Row, Hash<&Other::id>> table("table", base);
#elif defined(TANDEM_TEST_NOT_CONST)
  Table<Row, Hash<&Row::Touch>> table("table", base);
#elif defined(TANDEM_TEST_ARGUMENTS)
  Table<Row, Hash<&Row::Plus>> table("table", base);
#elif defined(TANDEM_TEST_FLOAT)
  Table<Row, OrderedMulti<&Row::price>> table("table", base);
#elif defined(TANDEM_TEST_POINTER_ORDER)
  Table<Row, OrderedMulti<&Row::parent>> table("table", base);
  (void)table.Insert(row);
#elif defined(TANDEM_TEST_CHAR_POINTER)
  Table<Row, Hash<&Row::name>> table("table", base);
#elif defined(TANDEM_TEST_ARRAY)
  Table<Row, Hash<&Row::text>> table("table", base);
#elif defined(TANDEM_TEST_NO_HASH)
  Table<Row, Hash<&Row::bare>> table("table", base);
  (void)table.Insert(row);
#elif defined(TANDEM_TEST_PREDICATE)
  Table<Row, List<>, List<&Row::id>> table("table", base);
#elif defined(TANDEM_TEST_WALK_HASH)
  for (Row& each : rows.By<&Row::id>()) each.price = 0;
#elif defined(TANDEM_TEST_WALK_NOTHING)
  for (Row& each : rows.Rows()) each.price = 0;
#elif defined(TANDEM_TEST_WALK_TABLE)
  for (Row& each : rows) each.price = 0;
#elif defined(TANDEM_TEST_FIND_MANY)
  (void)rows.Find<&Row::group>(1);
#elif defined(TANDEM_TEST_FIND_ALL_OF_ONE)
  (void)rows.FindAll<&Row::id>(1);
#elif defined(TANDEM_TEST_FIND_UNKNOWN)
  (void)rows.Find<&Row::parent>(nullptr);
#elif defined(TANDEM_TEST_FIND_WRONG_TYPE)
  (void)rows.Find<&Row::id>("one");
#elif defined(TANDEM_TEST_FIND_TOO_MUCH)
  (void)rows.FindAll<&Row::group, &Row::id>(1, 2, 3);
#elif defined(TANDEM_TEST_MODIFY_OWNED)
  (void)owned.Modify(owned_row, [](Owned& changed) { changed.id = 3; });
#elif defined(TANDEM_TEST_SET_CONST)
  (void)fixed.Set<&Fixed::id>(fixed_row, 3u);
#elif defined(TANDEM_TEST_COPY)
  Rows copy = rows;
#endif
}
