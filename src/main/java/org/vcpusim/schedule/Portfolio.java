package org.vcpusim.schedule;

import java.util.List;
import java.util.stream.Stream;

/**
 * Several strategies that share a budget of schedules, in turns: none finds every bug soonest.
 *
 * <p>Schedule 0 is the round robin, of which there is only one. After it schedule i belongs to member (i - 1) modulo the
 * number of the others.
 */
final class Portfolio implements Strategy {
    /** In the order of their turns. */
    static final List<StrategyKind> MEMBERS = List.of(
            StrategyKind.POS,
            StrategyKind.PCT,
            StrategyKind.RANDOM,
            StrategyKind.SURW,
            StrategyKind.DELAY,
            StrategyKind.URW);

    /** Those and the round robin. */
    static final List<StrategyKind> ALL =
            Stream.concat(Stream.of(StrategyKind.ROUND_ROBIN), MEMBERS.stream()).toList();

    private final List<Strategy> members;
    private Strategy current = RoundRobinChooser.ROUND_ROBIN;

    /** Of {@code members}, at least one. */
    Portfolio(List<Strategy> members) {
        this.members = List.copyOf(members);
    }

    private Strategy memberAt(long index) {
        return index == 0
                ? RoundRobinChooser.ROUND_ROBIN
                : members.get((int) Long.remainderUnsigned(index - 1, members.size()));
    }

    @Override
    public void begin(long rootSeed, long index) {
        current = memberAt(index);
        current.begin(rootSeed, index == 0 ? 0 : Long.divideUnsigned(index - 1, members.size()));
    }

    @Override
    public int choose(Ready ready) {
        return current.choose(ready);
    }

    @Override
    public boolean wantsSends() {
        return current.wantsSends();
    }

    @Override
    public void sent(int from, int to) {
        current.sent(from, to);
    }

    @Override
    public void end(long steps) {
        current.end(steps);
    }

    @Override
    public String name() {
        return StrategyKind.PORTFOLIO.label();
    }

    @Override
    public String nameAt(long index) {
        return memberAt(index).name();
    }
}
