"""What is seen of the system in Grafana: dashboards, alerts, and how the servers around it are set up."""
