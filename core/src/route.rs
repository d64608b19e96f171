//! The route with the fewest bytes between two versions, for chains and repositories alike.
//!
//! Nodes are ordinals and every edge leads to a higher one, so the graph has no cycle by construction and one pass
//! over its edges finds the best way from every node to a target. Of two ways with the same bytes the one with fewer
//! edges wins, then the one whose first edge was listed first: the same graph always gives the same route.

/// One delta as the route finder sees it. `from` must be less than `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub from: usize,
    pub to: usize,
    pub bytes: u64,
}

/// The best way from every node to one target.
pub(crate) struct Routes {
    target: usize,
    best: Vec<Option<Step>>,
}

#[derive(Clone, Copy)]
struct Step {
    bytes: u128,
    edges: usize,
    /// The first edge of the way and the node that it leads to; `None` at the target itself.
    next: Option<(usize, usize)>,
}

impl Routes {
    /// Finds the best way to `target` from each of the nodes `0..=target`.
    pub(crate) fn to(target: usize, edges: &[Edge]) -> Self {
        let mut best = vec![None; target + 1];
        best[target] = Some(Step { bytes: 0, edges: 0, next: None });
        let mut order: Vec<usize> = (0..edges.len()).filter(|&i| edges[i].to <= target).collect();
        // By descending `from`, what an edge leads to is final before the edge is looked at.
        order.sort_by_key(|&i| (std::cmp::Reverse(edges[i].from), i));
        for i in order {
            let Edge { from, to, bytes } = edges[i];
            let Some(rest) = best[to] else { continue };
            let step = Step { bytes: rest.bytes + u128::from(bytes), edges: rest.edges + 1, next: Some((i, to)) };
            if best[from].is_none_or(|known: Step| (step.bytes, step.edges) < (known.bytes, known.edges)) {
                best[from] = Some(step);
            }
        }
        Self { target, best }
    }

    /// Whether any way leads from `node` to the target.
    pub(crate) fn reach(&self, node: usize) -> bool {
        self.best.get(node).is_some_and(Option::is_some)
    }

    /// The edges (by their index) of the best way from `node`; none at the target itself.
    pub(crate) fn from(&self, node: usize) -> Option<Vec<usize>> {
        let mut edges = Vec::with_capacity(self.best.get(node)?.as_ref()?.edges);
        let mut node = node;
        while node != self.target {
            let (edge, to) = self.best[node]?.next?;
            edges.push(edge);
            node = to;
        }
        Some(edges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn edges(list: &[(usize, usize, u64)]) -> Vec<Edge> {
        list.iter().map(|&(from, to, bytes)| Edge { from, to, bytes }).collect()
    }

    #[test]
    fn the_fewest_bytes_win_then_the_fewest_edges_then_the_first_listed() {
        let graph = edges(&[(0, 1, 10), (1, 2, 10), (0, 2, 19)]);
        assert_eq!(Routes::to(2, &graph).from(0), Some(vec![2]));
        let graph = edges(&[(0, 1, 10), (1, 2, 10), (0, 2, 21)]);
        assert_eq!(Routes::to(2, &graph).from(0), Some(vec![0, 1]));
        let graph = edges(&[(0, 1, 10), (1, 2, 10), (0, 2, 20)]);
        assert_eq!(Routes::to(2, &graph).from(0), Some(vec![2]));
        let graph = edges(&[(0, 2, 5), (2, 3, 5), (0, 1, 5), (1, 3, 5)]);
        assert_eq!(Routes::to(3, &graph).from(0), Some(vec![0, 1]));
    }

    #[test]
    fn no_way_back_and_no_way_to_another_branch() {
        let graph = edges(&[(0, 1, 1), (1, 2, 1), (0, 3, 1)]);
        assert_eq!(Routes::to(3, &graph).from(2), None);
        assert_eq!(Routes::to(1, &graph).from(2), None);
        assert!(!Routes::to(3, &graph).reach(1));
        assert_eq!(Routes::to(1, &graph).from(1), Some(vec![]));
    }

    #[test]
    fn giant_sizes_do_not_overflow() {
        let graph = edges(&[(0, 1, u64::MAX), (1, 2, u64::MAX), (0, 2, u64::MAX)]);
        assert_eq!(Routes::to(2, &graph).from(0), Some(vec![2]));
    }

    proptest! {
        #[test]
        fn no_other_way_is_cheaper(
            raw in prop::collection::vec((0usize..7, 1usize..7, 0u64..20), 0..16),
            target in 0usize..8,
        ) {
            let graph: Vec<Edge> =
                raw.into_iter().map(|(from, span, bytes)| Edge { from, to: (from + span).min(7), bytes }).collect();
            fn cheapest(graph: &[Edge], from: usize, to: usize) -> Option<u64> {
                if from == to {
                    return Some(0);
                }
                let ways = graph.iter().filter(|edge| edge.from == from);
                ways.filter_map(|edge| Some(edge.bytes + cheapest(graph, edge.to, to)?)).min()
            }
            let routes = Routes::to(target, &graph);
            for from in 0..8 {
                let route = routes.from(from);
                let bytes = route.as_ref().map(|route| route.iter().map(|&i| graph[i].bytes).sum());
                prop_assert_eq!(bytes, cheapest(&graph, from, target));
                prop_assert_eq!(routes.reach(from), bytes.is_some());
                let mut at = from;
                for i in route.unwrap_or_default() {
                    prop_assert_eq!(graph[i].from, at);
                    at = graph[i].to;
                }
            }
        }
    }
}
